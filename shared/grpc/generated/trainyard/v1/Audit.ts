// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Compute the sum of these lanes and upload it as AUDIT. The slices compare it with the first sum and never add it.
 */
export interface Audit {
  'step'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  'stepInEpoch'?: (number | string | Long);
  /**
   * the lanes of a node of the tree, [begin_lane, end_lane)
   */
  'beginLane'?: (number);
  'endLane'?: (number);
  /**
   * samples of the training split that are left out
   */
  'excluded'?: (number | string | Long)[];
  'attempt'?: (number);
  /**
   * the span of this work; empty: not traced
   */
  'traceparent'?: (string);
  /**
   * as in Gradients
   */
  'share'?: (number | string | Long);
}

/**
 * Compute the sum of these lanes and upload it as AUDIT. The slices compare it with the first sum and never add it.
 */
export interface AuditReceived {
  'step': (string);
  'epoch': (string);
  'stepInEpoch': (string);
  /**
   * the lanes of a node of the tree, [begin_lane, end_lane)
   */
  'beginLane': (number);
  'endLane': (number);
  /**
   * samples of the training split that are left out
   */
  'excluded': (string)[];
  'attempt': (number);
  /**
   * the span of this work; empty: not traced
   */
  'traceparent': (string);
  /**
   * as in Gradients
   */
  'share': (string);
}
