// Original file: proto/trainyard/v1/runs.proto


export interface LogsRequest {
  'run'?: (string);
  /**
   * also what is yet to come, until the run has ended
   */
  'follow'?: (boolean);
}

export interface LogsRequestReceived {
  'run': (string);
  /**
   * also what is yet to come, until the run has ended
   */
  'follow': (boolean);
}
