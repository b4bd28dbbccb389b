// Original file: proto/trainyard/v1/control.proto


/**
 * The worker is taken into the run.
 */
export interface Welcome {
  'specJson'?: (string);
  /**
   * URL without credentials; the worker's own --store wins
   */
  'store'?: (string);
  /**
   * StoreKeys follow: the worker opens the store with them
   */
  'keysFollow'?: (boolean);
}

/**
 * The worker is taken into the run.
 */
export interface WelcomeReceived {
  'specJson': (string);
  /**
   * URL without credentials; the worker's own --store wins
   */
  'store': (string);
  /**
   * StoreKeys follow: the worker opens the store with them
   */
  'keysFollow': (boolean);
}
