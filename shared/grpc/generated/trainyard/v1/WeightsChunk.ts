// Original file: proto/trainyard/v1/tensors.proto

import type { Encoding as _trainyard_v1_Encoding, EncodingReceived as _trainyard_v1_EncodingReceived } from '../../trainyard/v1/Encoding.js';
import type { Long } from '@grpc/proto-loader';

export interface WeightsChunk {
  'generation'?: (number | string | Long);
  /**
   * weights version
   */
  'step'?: (number | string | Long);
  'slice'?: (number);
  /**
   * position of the first number, in elements of the slice
   */
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
  /**
   * CRC-32C of the whole slice's bytes
   */
  'crc32c'?: (number);
  /**
   * the same in all chunks of a version
   */
  'encoding'?: (_trainyard_v1_Encoding);
}

export interface WeightsChunkReceived {
  'generation': (string);
  /**
   * weights version
   */
  'step': (string);
  'slice': (number);
  /**
   * position of the first number, in elements of the slice
   */
  'offset': (string);
  'data': (Buffer);
  /**
   * CRC-32C of the whole slice's bytes
   */
  'crc32c': (number);
  /**
   * the same in all chunks of a version
   */
  'encoding': (_trainyard_v1_EncodingReceived);
}
