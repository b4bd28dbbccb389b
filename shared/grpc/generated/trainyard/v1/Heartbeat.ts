// Original file: proto/trainyard/v1/control.proto


/**
 * The worker is alive.
 */
export interface Heartbeat {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase'?: (string);
}

/**
 * The worker is alive.
 */
export interface HeartbeatReceived {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase': (string);
}
