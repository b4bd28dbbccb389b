// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

export interface SliceEndpoint {
  'slice'?: (number);
  /**
   * elements of the flat vector, [begin, end)
   */
  'begin'?: (number | string | Long);
  'end'?: (number | string | Long);
  /**
   * on the coordinator's host
   */
  'port'?: (number);
}

export interface SliceEndpointReceived {
  'slice': (number);
  /**
   * elements of the flat vector, [begin, end)
   */
  'begin': (string);
  'end': (string);
  /**
   * on the coordinator's host
   */
  'port': (number);
}
