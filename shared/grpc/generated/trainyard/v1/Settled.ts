// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The worker has nothing more to do for an assignment of a step (gradients or audit), whatever became of it.
 * Sent once per assignment, after its last record.
 */
export interface Settled {
  'step'?: (number | string | Long);
  'attempt'?: (number);
}

/**
 * The worker has nothing more to do for an assignment of a step (gradients or audit), whatever became of it.
 * Sent once per assignment, after its last record.
 */
export interface SettledReceived {
  'step': (string);
  'attempt': (number);
}
