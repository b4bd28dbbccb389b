// Original file: proto/trainyard/v1/tensors.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { UploadAck as _trainyard_v1_UploadAck, UploadAckReceived as _trainyard_v1_UploadAckReceived } from '../../trainyard/v1/UploadAck.js';
import type { UploadChunk as _trainyard_v1_UploadChunk, UploadChunkReceived as _trainyard_v1_UploadChunkReceived } from '../../trainyard/v1/UploadChunk.js';
import type { WeightsChunk as _trainyard_v1_WeightsChunk, WeightsChunkReceived as _trainyard_v1_WeightsChunkReceived } from '../../trainyard/v1/WeightsChunk.js';
import type { WeightsRequest as _trainyard_v1_WeightsRequest, WeightsRequestReceived as _trainyard_v1_WeightsRequestReceived } from '../../trainyard/v1/WeightsRequest.js';

/**
 * Each stream carries the metadata `x-trainyard-worker` (the worker's id, percent-encoded) and `authorization: Bearer
 * TICKET`, with the ticket of the message Slices. Without the ticket of a worker that is in the run, the stream ends with
 * UNAUTHENTICATED. A partial in the name of another worker ends the stream, too.
 */
export interface TensorsClient extends grpc.Client {
  /**
   * The worker sends partials. Each whole partial is acknowledged once, in the order in which the last chunks arrive.
   * A partial may be sent again at any time: a partial that is there already is dropped, and acknowledged as DROPPED.
   * While there is no room for a partial, its stream is not read, and HTTP/2's flow control holds the sender back.
   */
  Upload(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_UploadChunk, _trainyard_v1_UploadAckReceived>;
  Upload(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_UploadChunk, _trainyard_v1_UploadAckReceived>;
  /**
   * The worker sends partials. Each whole partial is acknowledged once, in the order in which the last chunks arrive.
   * A partial may be sent again at any time: a partial that is there already is dropped, and acknowledged as DROPPED.
   * While there is no room for a partial, its stream is not read, and HTTP/2's flow control holds the sender back.
   */
  upload(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_UploadChunk, _trainyard_v1_UploadAckReceived>;
  upload(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_UploadChunk, _trainyard_v1_UploadAckReceived>;
  
  /**
   * The slice sends weights: the current version at once, then each new one. A slow reader misses whole versions, never
   * parts of one.
   */
  Weights(argument: _trainyard_v1_WeightsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_WeightsChunkReceived>;
  Weights(argument: _trainyard_v1_WeightsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_WeightsChunkReceived>;
  /**
   * The slice sends weights: the current version at once, then each new one. A slow reader misses whole versions, never
   * parts of one.
   */
  weights(argument: _trainyard_v1_WeightsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_WeightsChunkReceived>;
  weights(argument: _trainyard_v1_WeightsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_WeightsChunkReceived>;
  
}

/**
 * Each stream carries the metadata `x-trainyard-worker` (the worker's id, percent-encoded) and `authorization: Bearer
 * TICKET`, with the ticket of the message Slices. Without the ticket of a worker that is in the run, the stream ends with
 * UNAUTHENTICATED. A partial in the name of another worker ends the stream, too.
 */
export interface TensorsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The worker sends partials. Each whole partial is acknowledged once, in the order in which the last chunks arrive.
   * A partial may be sent again at any time: a partial that is there already is dropped, and acknowledged as DROPPED.
   * While there is no room for a partial, its stream is not read, and HTTP/2's flow control holds the sender back.
   */
  Upload: grpc.handleBidiStreamingCall<_trainyard_v1_UploadChunkReceived, _trainyard_v1_UploadAck>;
  
  /**
   * The slice sends weights: the current version at once, then each new one. A slow reader misses whole versions, never
   * parts of one.
   */
  Weights: grpc.handleServerStreamingCall<_trainyard_v1_WeightsRequestReceived, _trainyard_v1_WeightsChunk>;
  
}

export interface TensorsDefinition extends grpc.ServiceDefinition {
  Upload: MethodDefinition<_trainyard_v1_UploadChunk, _trainyard_v1_UploadAck, _trainyard_v1_UploadChunkReceived, _trainyard_v1_UploadAckReceived>
  Weights: MethodDefinition<_trainyard_v1_WeightsRequest, _trainyard_v1_WeightsChunk, _trainyard_v1_WeightsRequestReceived, _trainyard_v1_WeightsChunkReceived>
}
