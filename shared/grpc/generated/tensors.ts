import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { TensorsClient as _trainyard_v1_TensorsClient, TensorsDefinition as _trainyard_v1_TensorsDefinition } from './trainyard/v1/Tensors.js';
import type { UploadAck as _trainyard_v1_UploadAck, UploadAckReceived as _trainyard_v1_UploadAckReceived } from './trainyard/v1/UploadAck.js';
import type { UploadChunk as _trainyard_v1_UploadChunk, UploadChunkReceived as _trainyard_v1_UploadChunkReceived } from './trainyard/v1/UploadChunk.js';
import type { WeightsChunk as _trainyard_v1_WeightsChunk, WeightsChunkReceived as _trainyard_v1_WeightsChunkReceived } from './trainyard/v1/WeightsChunk.js';
import type { WeightsRequest as _trainyard_v1_WeightsRequest, WeightsRequestReceived as _trainyard_v1_WeightsRequestReceived } from './trainyard/v1/WeightsRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  trainyard: {
    v1: {
      AckStatus: EnumTypeDefinition
      Encoding: EnumTypeDefinition
      PartialKind: EnumTypeDefinition
      /**
       * Each stream carries the metadata `x-trainyard-worker` (the worker's id, percent-encoded) and `authorization: Bearer
       * TICKET`, with the ticket of the message Slices. Without the ticket of a worker that is in the run, the stream ends with
       * UNAUTHENTICATED. A partial in the name of another worker ends the stream, too.
       */
      Tensors: SubtypeConstructor<typeof grpc.Client, _trainyard_v1_TensorsClient> & { service: _trainyard_v1_TensorsDefinition }
      UploadAck: MessageTypeDefinition<_trainyard_v1_UploadAck, _trainyard_v1_UploadAckReceived>
      UploadChunk: MessageTypeDefinition<_trainyard_v1_UploadChunk, _trainyard_v1_UploadChunkReceived>
      WeightsChunk: MessageTypeDefinition<_trainyard_v1_WeightsChunk, _trainyard_v1_WeightsChunkReceived>
      WeightsRequest: MessageTypeDefinition<_trainyard_v1_WeightsRequest, _trainyard_v1_WeightsRequestReceived>
    }
  }
}

