// Original file: proto/trainyard/v1/control.proto


/**
 * The worker is not taken into the run.
 */
export interface Refused {
  /**
   * an error code of shared/errors.ts
   */
  'code'?: (string);
  'message'?: (string);
  /**
   * true: try again later; false: the worker exits with the usage code
   */
  'retry'?: (boolean);
}

/**
 * The worker is not taken into the run.
 */
export interface RefusedReceived {
  /**
   * an error code of shared/errors.ts
   */
  'code': (string);
  'message': (string);
  /**
   * true: try again later; false: the worker exits with the usage code
   */
  'retry': (boolean);
}
