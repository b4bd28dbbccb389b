// Original file: proto/trainyard/v1/control.proto

import type { StoreKeys as _trainyard_v1_StoreKeys, StoreKeysReceived as _trainyard_v1_StoreKeysReceived } from '../../trainyard/v1/StoreKeys.js';
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
  /**
   * absent: the worker writes with the keys that it has
   */
  'keys'?: (_trainyard_v1_StoreKeys | null);
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
  /**
   * absent: the worker writes with the keys that it has
   */
  'keys': (_trainyard_v1_StoreKeysReceived | null);
}
