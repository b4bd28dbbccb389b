// Original file: proto/trainyard/v1/tensors.proto

import type { PartialKind as _trainyard_v1_PartialKind, PartialKindReceived as _trainyard_v1_PartialKindReceived } from '../../trainyard/v1/PartialKind.js';
import type { Long } from '@grpc/proto-loader';

export interface UploadChunk {
  'run'?: (string);
  'generation'?: (number | string | Long);
  'step'?: (number | string | Long);
  'slice'?: (number);
  /**
   * node of the tree: lanes [begin_lane, end_lane)
   */
  'beginLane'?: (number);
  'endLane'?: (number);
  'kind'?: (_trainyard_v1_PartialKind);
  /**
   * in elements of the slice
   */
  'offset'?: (number | string | Long);
  /**
   * in the run's encoding; INITIAL: float32
   */
  'data'?: (Buffer | Uint8Array | string);
  /**
   * of the whole partial's bytes, in every chunk
   */
  'crc32c'?: (number);
  /**
   * who computed it
   */
  'worker'?: (string);
  /**
   * of the step, as its assignment said; partials of another attempt are stale
   */
  'attempt'?: (number);
}

export interface UploadChunkReceived {
  'run': (string);
  'generation': (string);
  'step': (string);
  'slice': (number);
  /**
   * node of the tree: lanes [begin_lane, end_lane)
   */
  'beginLane': (number);
  'endLane': (number);
  'kind': (_trainyard_v1_PartialKindReceived);
  /**
   * in elements of the slice
   */
  'offset': (string);
  /**
   * in the run's encoding; INITIAL: float32
   */
  'data': (Buffer);
  /**
   * of the whole partial's bytes, in every chunk
   */
  'crc32c': (number);
  /**
   * who computed it
   */
  'worker': (string);
  /**
   * of the step, as its assignment said; partials of another attempt are stale
   */
  'attempt': (number);
}
