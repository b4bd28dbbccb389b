// Original file: proto/trainyard/v1/control.proto


/**
 * Hand the lanes back and exit with code 3, because this worker's results are not trusted any more.
 */
export interface Drain {
  'reason'?: (string);
}

/**
 * Hand the lanes back and exit with code 3, because this worker's results are not trusted any more.
 */
export interface DrainReceived {
  'reason': (string);
}
