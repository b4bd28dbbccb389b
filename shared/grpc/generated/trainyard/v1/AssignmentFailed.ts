// Original file: proto/trainyard/v1/control.proto


export interface AssignmentFailed {
  /**
   * `initialise`, `gradients`, `evaluate`, `export`, `prepare`
   */
  'assignment'?: (string);
  'code'?: (string);
  'message'?: (string);
}

export interface AssignmentFailedReceived {
  /**
   * `initialise`, `gradients`, `evaluate`, `export`, `prepare`
   */
  'assignment': (string);
  'code': (string);
  'message': (string);
}
