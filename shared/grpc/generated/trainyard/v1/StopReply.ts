// Original file: proto/trainyard/v1/runs.proto


export interface StopReply {
  'run'?: (string);
  /**
   * stopping, cancelled (the run was waiting), or idle (the run is neither current nor waiting)
   */
  'state'?: (string);
}

export interface StopReplyReceived {
  'run': (string);
  /**
   * stopping, cancelled (the run was waiting), or idle (the run is neither current nor waiting)
   */
  'state': (string);
}
