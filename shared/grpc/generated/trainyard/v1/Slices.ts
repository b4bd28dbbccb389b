// Original file: proto/trainyard/v1/control.proto

import type { SliceEndpoint as _trainyard_v1_SliceEndpoint, SliceEndpointReceived as _trainyard_v1_SliceEndpointReceived } from '../../trainyard/v1/SliceEndpoint.js';

export interface Slices {
  'slices'?: (_trainyard_v1_SliceEndpoint)[];
  /**
   * Proves on tensor streams that this worker was admitted: `authorization: Bearer TICKET`, with the worker's id in
   * `x-trainyard-worker`. For this worker, run and generation, and only as long as its control stream stands.
   */
  'ticket'?: (string);
}

export interface SlicesReceived {
  'slices': (_trainyard_v1_SliceEndpointReceived)[];
  /**
   * Proves on tensor streams that this worker was admitted: `authorization: Bearer TICKET`, with the worker's id in
   * `x-trainyard-worker`. For this worker, run and generation, and only as long as its control stream stands.
   */
  'ticket': (string);
}
