// Original file: proto/trainyard/v1/control.proto


/**
 * The run has ended.
 */
export interface Finished {
  /**
   * finished, stopped or failed
   */
  'outcome'?: (string);
  'message'?: (string);
}

/**
 * The run has ended.
 */
export interface FinishedReceived {
  /**
   * finished, stopped or failed
   */
  'outcome': (string);
  'message': (string);
}
