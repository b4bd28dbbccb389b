// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Write the export of a checkpoint, weights before descriptions, each object created once.
 */
export interface Export {
  /**
   * `<generation>-<step>`
   */
  'checkpoint'?: (string);
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
 * Write the export of a checkpoint, weights before descriptions, each object created once.
 */
export interface ExportReceived {
  /**
   * `<generation>-<step>`
   */
  'checkpoint': (string);
  /**
   * the span of this work; empty: not traced
   */
  'traceparent': (string);
  /**
   * as in Gradients
   */
  'share': (string);
}
