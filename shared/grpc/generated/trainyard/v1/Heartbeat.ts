// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The worker is alive.
 */
export interface Heartbeat {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase'?: (string);
  /**
   * How far the worker is: `done` lanes of share `share`, in the order of its lanes, or so many files of an export. Each
   * lane or file that is reported for the first time extends the deadline of the share. 0 and 0: no share is under way.
   */
  'share'?: (number | string | Long);
  'done'?: (number);
}

/**
 * The worker is alive.
 */
export interface HeartbeatReceived {
  /**
   * what the worker is doing: prepare, fetch, decode, compute, upload, download, idle
   */
  'phase': (string);
  /**
   * How far the worker is: `done` lanes of share `share`, in the order of its lanes, or so many files of an export. Each
   * lane or file that is reported for the first time extends the deadline of the share. 0 and 0: no share is under way.
   */
  'share': (string);
  'done': (number);
}
