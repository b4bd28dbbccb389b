// Original file: proto/trainyard/v1/tensors.proto

import type { PartialKind as _trainyard_v1_PartialKind, PartialKindReceived as _trainyard_v1_PartialKindReceived } from '../../trainyard/v1/PartialKind.js';
import type { Long } from '@grpc/proto-loader';

export interface UploadChunk {
  'run'?: (string);
  'generation'?: (number | string | Long);
  'step'?: (number | string | Long);
  'slice'?: (number);
  /**
   * the lanes of a node of the tree, [begin_lane, end_lane)
   */
  'beginLane'?: (number);
  'endLane'?: (number);
  'kind'?: (_trainyard_v1_PartialKind);
  /**
   * position of the first number, in elements of the slice
   */
  'offset'?: (number | string | Long);
  /**
   * the numbers, in the run's encoding; INITIAL: float32
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * CRC-32C of the whole partial's bytes, in every chunk
   */
  'crc32c'?: (number);
  /**
   * id of the worker that computed the partial
   */
  'worker'?: (string);
  /**
   * the attempt that the assignment named; partials of another attempt are stale
   */
  'attempt'?: (number);
}

export interface UploadChunkReceived {
  'run': (string);
  'generation': (string);
  'step': (string);
  'slice': (number);
  /**
   * the lanes of a node of the tree, [begin_lane, end_lane)
   */
  'beginLane': (number);
  'endLane': (number);
  'kind': (_trainyard_v1_PartialKindReceived);
  /**
   * position of the first number, in elements of the slice
   */
  'offset': (string);
  /**
   * the numbers, in the run's encoding; INITIAL: float32
   */
  'data': (Buffer);
  /**
   * CRC-32C of the whole partial's bytes, in every chunk
   */
  'crc32c': (number);
  /**
   * id of the worker that computed the partial
   */
  'worker': (string);
  /**
   * the attempt that the assignment named; partials of another attempt are stale
   */
  'attempt': (number);
}
