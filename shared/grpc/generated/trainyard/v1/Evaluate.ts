// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Evaluate blocks of 64 consecutive validation samples on weights version `step`.
 */
export interface Evaluate {
  'step'?: (number | string | Long);
  'blocks'?: (number)[];
  /**
   * batch-norm statistics of the run as float32, as they are published
   */
  'statistics'?: (Buffer | Uint8Array | string);
  /**
   * samples of the validation split that are left out
   */
  'excluded'?: (number | string | Long)[];
  /**
   * the span of this work; empty: not traced
   */
  'traceparent'?: (string);
}

/**
 * Evaluate blocks of 64 consecutive validation samples on weights version `step`.
 */
export interface EvaluateReceived {
  'step': (string);
  'blocks': (number)[];
  /**
   * batch-norm statistics of the run as float32, as they are published
   */
  'statistics': (Buffer);
  /**
   * samples of the validation split that are left out
   */
  'excluded': (string)[];
  /**
   * the span of this work; empty: not traced
   */
  'traceparent': (string);
}
