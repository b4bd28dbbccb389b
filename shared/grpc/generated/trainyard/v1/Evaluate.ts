// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Evaluate blocks of 64 consecutive validation samples on weights version `step`.
 */
export interface Evaluate {
  'step'?: (number | string | Long);
  'blocks'?: (number)[];
  /**
   * float32, as published
   */
  'statistics'?: (Buffer | Uint8Array | string);
  /**
   * samples of the validation split that are left out
   */
  'excluded'?: (number | string | Long)[];
  /**
   * as of Initialise
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
   * float32, as published
   */
  'statistics': (Buffer);
  /**
   * samples of the validation split that are left out
   */
  'excluded': (string)[];
  /**
   * as of Initialise
   */
  'traceparent': (string);
}
