// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Compute the sum of these lanes once more and upload it as AUDIT: it is compared, never added.
 */
export interface Audit {
  'step'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  'stepInEpoch'?: (number | string | Long);
  /**
   * a node of the tree, [begin_lane, end_lane)
   */
  'beginLane'?: (number);
  'endLane'?: (number);
  'excluded'?: (number | string | Long)[];
  'attempt'?: (number);
  /**
   * as of Initialise
   */
  'traceparent'?: (string);
}

/**
 * Compute the sum of these lanes once more and upload it as AUDIT: it is compared, never added.
 */
export interface AuditReceived {
  'step': (string);
  'epoch': (string);
  'stepInEpoch': (string);
  /**
   * a node of the tree, [begin_lane, end_lane)
   */
  'beginLane': (number);
  'endLane': (number);
  'excluded': (string)[];
  'attempt': (number);
  /**
   * as of Initialise
   */
  'traceparent': (string);
}
