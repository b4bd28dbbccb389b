// Original file: proto/trainyard/v1/runs.proto


export interface LogsRequest {
  'run'?: (string);
  /**
   * true: also send events to come, until the run has ended
   */
  'follow'?: (boolean);
}

export interface LogsRequestReceived {
  'run': (string);
  /**
   * true: also send events to come, until the run has ended
   */
  'follow': (boolean);
}
