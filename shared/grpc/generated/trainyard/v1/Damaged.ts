// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Bytes that were read whole twice and fail their hash or can't be decoded, or whose object is not there. The
 * worker never leaves a sample out by itself: the coordinator decides, and hands the work out anew.
 */
export interface Damaged {
  'step'?: (number | string | Long);
  /**
   * train or validation
   */
  'split'?: (string);
  /**
   * of the split, by number
   */
  'samples'?: (number | string | Long)[];
  /**
   * the object that holds them
   */
  'key'?: (string);
  /**
   * a sentence that names sample, source and what is wrong
   */
  'reason'?: (string);
  /**
   * 0 in an evaluation
   */
  'attempt'?: (number);
}

/**
 * Bytes that were read whole twice and fail their hash or can't be decoded, or whose object is not there. The
 * worker never leaves a sample out by itself: the coordinator decides, and hands the work out anew.
 */
export interface DamagedReceived {
  'step': (string);
  /**
   * train or validation
   */
  'split': (string);
  /**
   * of the split, by number
   */
  'samples': (string)[];
  /**
   * the object that holds them
   */
  'key': (string);
  /**
   * a sentence that names sample, source and what is wrong
   */
  'reason': (string);
  /**
   * 0 in an evaluation
   */
  'attempt': (number);
}
