// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Every slice has the audit's sum, or a lane of it was not finite and nothing was uploaded.
 */
export interface AuditDone {
  'step'?: (number | string | Long);
  'beginLane'?: (number);
  'endLane'?: (number);
  'finite'?: (boolean);
  'attempt'?: (number);
}

/**
 * Every slice has the audit's sum, or a lane of it was not finite and nothing was uploaded.
 */
export interface AuditDoneReceived {
  'step': (string);
  'beginLane': (number);
  'endLane': (number);
  'finite': (boolean);
  'attempt': (number);
}
