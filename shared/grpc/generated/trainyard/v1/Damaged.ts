// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Reports samples that the worker can't read: their bytes were read twice and fail the hash or can't be decoded, or their
 * object is missing. The worker never leaves a sample out by itself: the coordinator decides and assigns the work anew.
 */
export interface Damaged {
  'step'?: (number | string | Long);
  /**
   * train or validation
   */
  'split'?: (string);
  /**
   * numbers of the samples within the split
   */
  'samples'?: (number | string | Long)[];
  /**
   * key of the object that holds the samples
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
 * Reports samples that the worker can't read: their bytes were read twice and fail the hash or can't be decoded, or their
 * object is missing. The worker never leaves a sample out by itself: the coordinator decides and assigns the work anew.
 */
export interface DamagedReceived {
  'step': (string);
  /**
   * train or validation
   */
  'split': (string);
  /**
   * numbers of the samples within the split
   */
  'samples': (string)[];
  /**
   * key of the object that holds the samples
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
