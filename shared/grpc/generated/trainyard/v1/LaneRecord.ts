// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One lane's result, sent after every slice acknowledged the lane's gradient. Arrives at most once per lane
 * and step as far as the run is concerned: repeats are dropped.
 */
export interface LaneRecord {
  'step'?: (number | string | Long);
  'lane'?: (number);
  'samples'?: (number);
  /**
   * false: nothing was uploaded
   */
  'finite'?: (boolean);
  /**
   * and correct, statistics: of all engine calls of the lane, each on its own weights
   */
  'lossSum'?: (number | string);
  'correct'?: (number);
  /**
   * float64: per batch-norm layer the mean[channels], then the variance[channels], biased
   */
  'statistics'?: (Buffer | Uint8Array | string);
  'computeSeconds'?: (number | string);
  'attempt'?: (number);
}

/**
 * One lane's result, sent after every slice acknowledged the lane's gradient. Arrives at most once per lane
 * and step as far as the run is concerned: repeats are dropped.
 */
export interface LaneRecordReceived {
  'step': (string);
  'lane': (number);
  'samples': (number);
  /**
   * false: nothing was uploaded
   */
  'finite': (boolean);
  /**
   * and correct, statistics: of all engine calls of the lane, each on its own weights
   */
  'lossSum': (number);
  'correct': (number);
  /**
   * float64: per batch-norm layer the mean[channels], then the variance[channels], biased
   */
  'statistics': (Buffer);
  'computeSeconds': (number);
  'attempt': (number);
}
