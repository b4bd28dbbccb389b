// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Compute these lanes of a step on weights version `step`: gradients, or ways of local steps, as the spec says.
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
   * From 0. A step that is begun again (a sample was excluded, a worker was found out) has the next attempt: records
   * and partials carry it, and those of another attempt are stale.
   */
  'attempt'?: (number);
  /**
   * as of Initialise
   */
  'traceparent'?: (string);
}

/**
 * Compute these lanes of a step on weights version `step`: gradients, or ways of local steps, as the spec says.
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
   * From 0. A step that is begun again (a sample was excluded, a worker was found out) has the next attempt: records
   * and partials carry it, and those of another attempt are stale.
   */
  'attempt': (number);
  /**
   * as of Initialise
   */
  'traceparent': (string);
}
