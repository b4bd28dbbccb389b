// Original file: proto/trainyard/v1/control.proto


/**
 * Build the initial parameters and upload them to every slice (Tensors.Upload with kind INITIAL).
 */
export interface Initialise {
  /**
   * the span of this work; empty: not traced
   */
  'traceparent'?: (string);
}

/**
 * Build the initial parameters and upload them to every slice (Tensors.Upload with kind INITIAL).
 */
export interface InitialiseReceived {
  /**
   * the span of this work; empty: not traced
   */
  'traceparent': (string);
}
