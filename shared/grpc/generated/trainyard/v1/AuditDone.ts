// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The audit's sum is with every slice, or one of its lanes was not finite and nothing was uploaded.
 */
export interface AuditDone {
  'step'?: (number | string | Long);
  'beginLane'?: (number);
  'endLane'?: (number);
  'finite'?: (boolean);
  'attempt'?: (number);
}

/**
 * The audit's sum is with every slice, or one of its lanes was not finite and nothing was uploaded.
 */
export interface AuditDoneReceived {
  'step': (string);
  'beginLane': (number);
  'endLane': (number);
  'finite': (boolean);
  'attempt': (number);
}
