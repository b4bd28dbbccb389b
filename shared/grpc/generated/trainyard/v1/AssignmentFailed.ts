// Original file: proto/trainyard/v1/control.proto


/**
 * The worker could not carry an assignment out.
 */
export interface AssignmentFailed {
  /**
   * `initialise`, `gradients`, `evaluate`, `export`, `prepare`
   */
  'assignment'?: (string);
  'code'?: (string);
  'message'?: (string);
}

/**
 * The worker could not carry an assignment out.
 */
export interface AssignmentFailedReceived {
  /**
   * `initialise`, `gradients`, `evaluate`, `export`, `prepare`
   */
  'assignment': (string);
  'code': (string);
  'message': (string);
}
