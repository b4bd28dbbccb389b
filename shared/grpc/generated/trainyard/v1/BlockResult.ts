// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface BlockResult {
  'step'?: (number | string | Long);
  'block'?: (number);
  /**
   * float64, in sample order, regularisation included
   */
  'lossSum'?: (number | string);
  /**
   * class per sample of the block, excluded ones left out
   */
  'predicted'?: (number)[];
}

export interface BlockResultReceived {
  'step': (string);
  'block': (number);
  /**
   * float64, in sample order, regularisation included
   */
  'lossSum': (number);
  /**
   * class per sample of the block, excluded ones left out
   */
  'predicted': (number)[];
}
