// Original file: proto/trainyard/v1/control.proto


/**
 * Hand the lanes back and leave with exit code 3: this worker's results are not trusted any more.
 */
export interface Drain {
  'reason'?: (string);
}

/**
 * Hand the lanes back and leave with exit code 3: this worker's results are not trusted any more.
 */
export interface DrainReceived {
  'reason': (string);
}
