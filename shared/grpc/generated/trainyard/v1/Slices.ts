// Original file: proto/trainyard/v1/control.proto

import type { SliceEndpoint as _trainyard_v1_SliceEndpoint, SliceEndpointReceived as _trainyard_v1_SliceEndpointReceived } from '../../trainyard/v1/SliceEndpoint.js';

/**
 * Where the worker uploads partials and reads weights.
 */
export interface Slices {
  'slices'?: (_trainyard_v1_SliceEndpoint)[];
  /**
   * A ticket that proves on tensor streams that this worker was admitted: `authorization: Bearer TICKET`, with the worker's
   * id in `x-trainyard-worker`. Valid for this worker, run and generation, as long as the worker's control stream is open.
   */
  'ticket'?: (string);
}

/**
 * Where the worker uploads partials and reads weights.
 */
export interface SlicesReceived {
  'slices': (_trainyard_v1_SliceEndpointReceived)[];
  /**
   * A ticket that proves on tensor streams that this worker was admitted: `authorization: Bearer TICKET`, with the worker's
   * id in `x-trainyard-worker`. Valid for this worker, run and generation, as long as the worker's control stream is open.
   */
  'ticket': (string);
}
