// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The worker is done with an assignment of a step (gradients or audit), whether it succeeded or not.
 * Sent once per assignment, after its last record.
 */
export interface Settled {
  'step'?: (number | string | Long);
  'attempt'?: (number);
  /**
   * the share's number
   */
  'share'?: (number | string | Long);
}

/**
 * The worker is done with an assignment of a step (gradients or audit), whether it succeeded or not.
 * Sent once per assignment, after its last record.
 */
export interface SettledReceived {
  'step': (string);
  'attempt': (number);
  /**
   * the share's number
   */
  'share': (string);
}
