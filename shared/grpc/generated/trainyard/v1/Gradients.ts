// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Compute these lanes of a step on weights version `step`: gradients, or results of local steps, as the spec says.
 */
export interface Gradients {
  'step'?: (number | string | Long);
  'epoch'?: (number | string | Long);
  'stepInEpoch'?: (number | string | Long);
  'lanes'?: (number)[];
  /**
   * samples of the training split that are left out, in the order of exclusion
   */
  'excluded'?: (number | string | Long)[];
  /**
   * The first attempt of a step is 0. A step that begins again (a sample was excluded, or a worker sent a wrong sum) has the
   * next attempt. Records and partials carry the attempt; those of another attempt are stale.
   */
  'attempt'?: (number);
  /**
   * the span of this work; empty: not traced
   */
  'traceparent'?: (string);
  /**
   * number of this share among all that the worker got since its Welcome, from 1
   */
  'share'?: (number | string | Long);
}

/**
 * Compute these lanes of a step on weights version `step`: gradients, or results of local steps, as the spec says.
 */
export interface GradientsReceived {
  'step': (string);
  'epoch': (string);
  'stepInEpoch': (string);
  'lanes': (number)[];
  /**
   * samples of the training split that are left out, in the order of exclusion
   */
  'excluded': (string)[];
  /**
   * The first attempt of a step is 0. A step that begins again (a sample was excluded, or a worker sent a wrong sum) has the
   * next attempt. Records and partials carry the attempt; those of another attempt are stale.
   */
  'attempt': (number);
  /**
   * the span of this work; empty: not traced
   */
  'traceparent': (string);
  /**
   * number of this share among all that the worker got since its Welcome, from 1
   */
  'share': (string);
}
