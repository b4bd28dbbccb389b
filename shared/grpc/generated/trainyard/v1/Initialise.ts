// Original file: proto/trainyard/v1/control.proto


/**
 * Build the initial parameters and upload them to every slice (Tensors.Upload with kind INITIAL).
 */
export interface Initialise {
  /**
   * as above
   */
  'traceparent'?: (string);
}

/**
 * Build the initial parameters and upload them to every slice (Tensors.Upload with kind INITIAL).
 */
export interface InitialiseReceived {
  /**
   * as above
   */
  'traceparent': (string);
}
