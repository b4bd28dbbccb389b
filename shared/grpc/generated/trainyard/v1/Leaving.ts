// Original file: proto/trainyard/v1/control.proto


export interface Leaving {
  'reason'?: (string);
}

export interface LeavingReceived {
  'reason': (string);
}
