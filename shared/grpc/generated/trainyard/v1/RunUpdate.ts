// Original file: proto/trainyard/v1/runs.proto


export interface RunUpdate {
  /**
   * as GET /status answers
   */
  'statusJson'?: (string);
}

export interface RunUpdateReceived {
  /**
   * as GET /status answers
   */
  'statusJson': (string);
}
