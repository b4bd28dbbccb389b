// Original file: proto/trainyard/v1/control.proto


export interface Refused {
  /**
   * an error code of shared/errors
   */
  'code'?: (string);
  'message'?: (string);
  /**
   * false: the worker exits with the usage code
   */
  'retry'?: (boolean);
}

export interface RefusedReceived {
  /**
   * an error code of shared/errors
   */
  'code': (string);
  'message': (string);
  /**
   * false: the worker exits with the usage code
   */
  'retry': (boolean);
}
