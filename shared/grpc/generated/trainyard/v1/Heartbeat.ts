// Original file: proto/trainyard/v1/control.proto


export interface Heartbeat {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase'?: (string);
}

export interface HeartbeatReceived {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase': (string);
}
