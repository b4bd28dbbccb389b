// Original file: proto/trainyard/v1/control.proto


export interface Finished {
  /**
   * finished, stopped or failed
   */
  'outcome'?: (string);
  'message'?: (string);
}

export interface FinishedReceived {
  /**
   * finished, stopped or failed
   */
  'outcome': (string);
  'message': (string);
}
