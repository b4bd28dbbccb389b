// Original file: proto/trainyard/v1/runs.proto


export interface SubmitReply {
  'run'?: (string);
  /**
   * false: it was there already, with the same settings
   */
  'isNew'?: (boolean);
  /**
   * queued, current, or how it ended
   */
  'state'?: (string);
  /**
   * runs before it in the queue
   */
  'ahead'?: (number);
  'notes'?: (string)[];
}

export interface SubmitReplyReceived {
  'run': (string);
  /**
   * false: it was there already, with the same settings
   */
  'isNew': (boolean);
  /**
   * queued, current, or how it ended
   */
  'state': (string);
  /**
   * runs before it in the queue
   */
  'ahead': (number);
  'notes': (string)[];
}
