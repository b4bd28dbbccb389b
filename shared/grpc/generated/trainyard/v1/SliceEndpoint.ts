// Original file: proto/trainyard/v1/control.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One slice of the flat vector, and the port of its server.
 */
export interface SliceEndpoint {
  'slice'?: (number);
  /**
   * first element of the flat vector, [begin, end)
   */
  'begin'?: (number | string | Long);
  /**
   * the element after the last one
   */
  'end'?: (number | string | Long);
  /**
   * the slice's port on the coordinator's host
   */
  'port'?: (number);
}

/**
 * One slice of the flat vector, and the port of its server.
 */
export interface SliceEndpointReceived {
  'slice': (number);
  /**
   * first element of the flat vector, [begin, end)
   */
  'begin': (string);
  /**
   * the element after the last one
   */
  'end': (string);
  /**
   * the slice's port on the coordinator's host
   */
  'port': (number);
}
