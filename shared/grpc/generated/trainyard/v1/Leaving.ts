// Original file: proto/trainyard/v1/control.proto


/**
 * The worker is about to exit and hands its lanes back.
 */
export interface Leaving {
  'reason'?: (string);
}

/**
 * The worker is about to exit and hands its lanes back.
 */
export interface LeavingReceived {
  'reason': (string);
}
