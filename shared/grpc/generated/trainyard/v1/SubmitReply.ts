// Original file: proto/trainyard/v1/runs.proto


export interface SubmitReply {
  'run'?: (string);
  /**
   * false: the run existed already, with the same settings
   */
  'isNew'?: (boolean);
  /**
   * queued, current, or how the run ended
   */
  'state'?: (string);
  /**
   * number of runs before this one in the queue
   */
  'ahead'?: (number);
  /**
   * sentences for the person who submitted the run
   */
  'notes'?: (string)[];
}

export interface SubmitReplyReceived {
  'run': (string);
  /**
   * false: the run existed already, with the same settings
   */
  'isNew': (boolean);
  /**
   * queued, current, or how the run ended
   */
  'state': (string);
  /**
   * number of runs before this one in the queue
   */
  'ahead': (number);
  /**
   * sentences for the person who submitted the run
   */
  'notes': (string)[];
}
