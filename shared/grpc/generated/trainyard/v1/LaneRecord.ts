// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The result of one lane, sent after every slice acknowledged the lane's gradient. The first record of a lane and step
 * counts; repeats are dropped.
 */
export interface LaneRecord {
  'step'?: (number | string | Long);
  'lane'?: (number);
  'samples'?: (number);
  /**
   * false: the gradient has an infinite value or NaN, and was not uploaded
   */
  'finite'?: (boolean);
  /**
   * loss summed over the samples of all the lane's engine calls, each on its own weights
   */
  'lossSum'?: (number | string);
  /**
   * samples that these calls classified correctly
   */
  'correct'?: (number);
  /**
   * float64: for each batch-norm layer mean[channels], then biased variance[channels]
   */
  'statistics'?: (Buffer | Uint8Array | string);
  /**
   * time that the engine took for the lane
   */
  'computeSeconds'?: (number | string);
  'attempt'?: (number);
}

/**
 * The result of one lane, sent after every slice acknowledged the lane's gradient. The first record of a lane and step
 * counts; repeats are dropped.
 */
export interface LaneRecordReceived {
  'step': (string);
  'lane': (number);
  'samples': (number);
  /**
   * false: the gradient has an infinite value or NaN, and was not uploaded
   */
  'finite': (boolean);
  /**
   * loss summed over the samples of all the lane's engine calls, each on its own weights
   */
  'lossSum': (number);
  /**
   * samples that these calls classified correctly
   */
  'correct': (number);
  /**
   * float64: for each batch-norm layer mean[channels], then biased variance[channels]
   */
  'statistics': (Buffer);
  /**
   * time that the engine took for the lane
   */
  'computeSeconds': (number);
  'attempt': (number);
}
