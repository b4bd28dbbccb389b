// Original file: proto/trainyard/v1/control.proto


export interface Welcome {
  'specJson'?: (string);
  /**
   * URL without credentials; the worker's own --store wins
   */
  'store'?: (string);
}

export interface WelcomeReceived {
  'specJson': (string);
  /**
   * URL without credentials; the worker's own --store wins
   */
  'store': (string);
}
