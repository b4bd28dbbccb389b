// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The result of one evaluation block.
 */
export interface BlockResult {
  'step'?: (number | string | Long);
  'block'?: (number);
  /**
   * float64, in sample order, regularisation included
   */
  'lossSum'?: (number | string);
  /**
   * predicted class of each sample of the block that is not excluded
   */
  'predicted'?: (number)[];
}

/**
 * The result of one evaluation block.
 */
export interface BlockResultReceived {
  'step': (string);
  'block': (number);
  /**
   * float64, in sample order, regularisation included
   */
  'lossSum': (number);
  /**
   * predicted class of each sample of the block that is not excluded
   */
  'predicted': (number)[];
}
