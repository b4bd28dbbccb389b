// Original file: proto/trainyard/v1/runs.proto


export interface StopReply {
  'run'?: (string);
  /**
   * stopping, cancelled (it only waited), or idle (it does not run)
   */
  'state'?: (string);
}

export interface StopReplyReceived {
  'run': (string);
  /**
   * stopping, cancelled (it only waited), or idle (it does not run)
   */
  'state': (string);
}
