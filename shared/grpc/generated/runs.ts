import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ListRequest as _trainyard_v1_ListRequest, ListRequestReceived as _trainyard_v1_ListRequestReceived } from './trainyard/v1/ListRequest.js';
import type { LogsRequest as _trainyard_v1_LogsRequest, LogsRequestReceived as _trainyard_v1_LogsRequestReceived } from './trainyard/v1/LogsRequest.js';
import type { RunDescription as _trainyard_v1_RunDescription, RunDescriptionReceived as _trainyard_v1_RunDescriptionReceived } from './trainyard/v1/RunDescription.js';
import type { RunEvent as _trainyard_v1_RunEvent, RunEventReceived as _trainyard_v1_RunEventReceived } from './trainyard/v1/RunEvent.js';
import type { RunRequest as _trainyard_v1_RunRequest, RunRequestReceived as _trainyard_v1_RunRequestReceived } from './trainyard/v1/RunRequest.js';
import type { RunUpdate as _trainyard_v1_RunUpdate, RunUpdateReceived as _trainyard_v1_RunUpdateReceived } from './trainyard/v1/RunUpdate.js';
import type { RunsClient as _trainyard_v1_RunsClient, RunsDefinition as _trainyard_v1_RunsDefinition } from './trainyard/v1/Runs.js';
import type { StopReply as _trainyard_v1_StopReply, StopReplyReceived as _trainyard_v1_StopReplyReceived } from './trainyard/v1/StopReply.js';
import type { SubmitReply as _trainyard_v1_SubmitReply, SubmitReplyReceived as _trainyard_v1_SubmitReplyReceived } from './trainyard/v1/SubmitReply.js';
import type { SubmitRequest as _trainyard_v1_SubmitRequest, SubmitRequestReceived as _trainyard_v1_SubmitRequestReceived } from './trainyard/v1/SubmitRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  trainyard: {
    v1: {
      ListRequest: MessageTypeDefinition<_trainyard_v1_ListRequest, _trainyard_v1_ListRequestReceived>
      LogsRequest: MessageTypeDefinition<_trainyard_v1_LogsRequest, _trainyard_v1_LogsRequestReceived>
      RunDescription: MessageTypeDefinition<_trainyard_v1_RunDescription, _trainyard_v1_RunDescriptionReceived>
      RunEvent: MessageTypeDefinition<_trainyard_v1_RunEvent, _trainyard_v1_RunEventReceived>
      RunRequest: MessageTypeDefinition<_trainyard_v1_RunRequest, _trainyard_v1_RunRequestReceived>
      RunUpdate: MessageTypeDefinition<_trainyard_v1_RunUpdate, _trainyard_v1_RunUpdateReceived>
      Runs: SubtypeConstructor<typeof grpc.Client, _trainyard_v1_RunsClient> & { service: _trainyard_v1_RunsDefinition }
      StopReply: MessageTypeDefinition<_trainyard_v1_StopReply, _trainyard_v1_StopReplyReceived>
      SubmitReply: MessageTypeDefinition<_trainyard_v1_SubmitReply, _trainyard_v1_SubmitReplyReceived>
      SubmitRequest: MessageTypeDefinition<_trainyard_v1_SubmitRequest, _trainyard_v1_SubmitRequestReceived>
    }
  }
}

