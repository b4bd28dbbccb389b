// Original file: proto/trainyard/v1/runs.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ListRequest as _trainyard_v1_ListRequest, ListRequestReceived as _trainyard_v1_ListRequestReceived } from '../../trainyard/v1/ListRequest.js';
import type { LogsRequest as _trainyard_v1_LogsRequest, LogsRequestReceived as _trainyard_v1_LogsRequestReceived } from '../../trainyard/v1/LogsRequest.js';
import type { RunDescription as _trainyard_v1_RunDescription, RunDescriptionReceived as _trainyard_v1_RunDescriptionReceived } from '../../trainyard/v1/RunDescription.js';
import type { RunEvent as _trainyard_v1_RunEvent, RunEventReceived as _trainyard_v1_RunEventReceived } from '../../trainyard/v1/RunEvent.js';
import type { RunRequest as _trainyard_v1_RunRequest, RunRequestReceived as _trainyard_v1_RunRequestReceived } from '../../trainyard/v1/RunRequest.js';
import type { RunUpdate as _trainyard_v1_RunUpdate, RunUpdateReceived as _trainyard_v1_RunUpdateReceived } from '../../trainyard/v1/RunUpdate.js';
import type { StopReply as _trainyard_v1_StopReply, StopReplyReceived as _trainyard_v1_StopReplyReceived } from '../../trainyard/v1/StopReply.js';
import type { SubmitReply as _trainyard_v1_SubmitReply, SubmitReplyReceived as _trainyard_v1_SubmitReplyReceived } from '../../trainyard/v1/SubmitReply.js';
import type { SubmitRequest as _trainyard_v1_SubmitRequest, SubmitRequestReceived as _trainyard_v1_SubmitRequestReceived } from '../../trainyard/v1/SubmitRequest.js';

export interface RunsClient extends grpc.Client {
  /**
   * Sends the run's status after each change, until the run has ended. Needs the role viewer or operator.
   */
  Follow(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunUpdateReceived>;
  Follow(argument: _trainyard_v1_RunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunUpdateReceived>;
  /**
   * Sends the run's status after each change, until the run has ended. Needs the role viewer or operator.
   */
  follow(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunUpdateReceived>;
  follow(argument: _trainyard_v1_RunRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunUpdateReceived>;
  
  /**
   * Describes every run of the store, by name. Needs the role viewer or operator.
   */
  List(argument: _trainyard_v1_ListRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunDescriptionReceived>;
  List(argument: _trainyard_v1_ListRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunDescriptionReceived>;
  /**
   * Describes every run of the store, by name. Needs the role viewer or operator.
   */
  list(argument: _trainyard_v1_ListRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunDescriptionReceived>;
  list(argument: _trainyard_v1_ListRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunDescriptionReceived>;
  
  /**
   * Sends the events of the run's log. Needs the role viewer or operator.
   */
  Logs(argument: _trainyard_v1_LogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunEventReceived>;
  Logs(argument: _trainyard_v1_LogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunEventReceived>;
  /**
   * Sends the events of the run's log. Needs the role viewer or operator.
   */
  logs(argument: _trainyard_v1_LogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunEventReceived>;
  logs(argument: _trainyard_v1_LogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_trainyard_v1_RunEventReceived>;
  
  /**
   * Describes one run. Needs the role viewer or operator.
   */
  Show(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  Show(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  Show(argument: _trainyard_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  Show(argument: _trainyard_v1_RunRequest, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  /**
   * Describes one run. Needs the role viewer or operator.
   */
  show(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  show(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  show(argument: _trainyard_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  show(argument: _trainyard_v1_RunRequest, callback: grpc.requestCallback<_trainyard_v1_RunDescriptionReceived>): grpc.ClientUnaryCall;
  
  /**
   * Stops a run. Needs the role operator. The current run ends after its step; a waiting run leaves the queue.
   */
  Stop(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  Stop(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  Stop(argument: _trainyard_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  Stop(argument: _trainyard_v1_RunRequest, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  /**
   * Stops a run. Needs the role operator. The current run ends after its step; a waiting run leaves the queue.
   */
  stop(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  stop(argument: _trainyard_v1_RunRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  stop(argument: _trainyard_v1_RunRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  stop(argument: _trainyard_v1_RunRequest, callback: grpc.requestCallback<_trainyard_v1_StopReplyReceived>): grpc.ClientUnaryCall;
  
  /**
   * Submits a run. Needs the role operator. When this answers, the run is stored and in the queue.
   */
  Submit(argument: _trainyard_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  Submit(argument: _trainyard_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  Submit(argument: _trainyard_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  Submit(argument: _trainyard_v1_SubmitRequest, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  /**
   * Submits a run. Needs the role operator. When this answers, the run is stored and in the queue.
   */
  submit(argument: _trainyard_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  submit(argument: _trainyard_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  submit(argument: _trainyard_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  submit(argument: _trainyard_v1_SubmitRequest, callback: grpc.requestCallback<_trainyard_v1_SubmitReplyReceived>): grpc.ClientUnaryCall;
  
}

export interface RunsHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Sends the run's status after each change, until the run has ended. Needs the role viewer or operator.
   */
  Follow: grpc.handleServerStreamingCall<_trainyard_v1_RunRequestReceived, _trainyard_v1_RunUpdate>;
  
  /**
   * Describes every run of the store, by name. Needs the role viewer or operator.
   */
  List: grpc.handleServerStreamingCall<_trainyard_v1_ListRequestReceived, _trainyard_v1_RunDescription>;
  
  /**
   * Sends the events of the run's log. Needs the role viewer or operator.
   */
  Logs: grpc.handleServerStreamingCall<_trainyard_v1_LogsRequestReceived, _trainyard_v1_RunEvent>;
  
  /**
   * Describes one run. Needs the role viewer or operator.
   */
  Show: grpc.handleUnaryCall<_trainyard_v1_RunRequestReceived, _trainyard_v1_RunDescription>;
  
  /**
   * Stops a run. Needs the role operator. The current run ends after its step; a waiting run leaves the queue.
   */
  Stop: grpc.handleUnaryCall<_trainyard_v1_RunRequestReceived, _trainyard_v1_StopReply>;
  
  /**
   * Submits a run. Needs the role operator. When this answers, the run is stored and in the queue.
   */
  Submit: grpc.handleUnaryCall<_trainyard_v1_SubmitRequestReceived, _trainyard_v1_SubmitReply>;
  
}

export interface RunsDefinition extends grpc.ServiceDefinition {
  Follow: MethodDefinition<_trainyard_v1_RunRequest, _trainyard_v1_RunUpdate, _trainyard_v1_RunRequestReceived, _trainyard_v1_RunUpdateReceived>
  List: MethodDefinition<_trainyard_v1_ListRequest, _trainyard_v1_RunDescription, _trainyard_v1_ListRequestReceived, _trainyard_v1_RunDescriptionReceived>
  Logs: MethodDefinition<_trainyard_v1_LogsRequest, _trainyard_v1_RunEvent, _trainyard_v1_LogsRequestReceived, _trainyard_v1_RunEventReceived>
  Show: MethodDefinition<_trainyard_v1_RunRequest, _trainyard_v1_RunDescription, _trainyard_v1_RunRequestReceived, _trainyard_v1_RunDescriptionReceived>
  Stop: MethodDefinition<_trainyard_v1_RunRequest, _trainyard_v1_StopReply, _trainyard_v1_RunRequestReceived, _trainyard_v1_StopReplyReceived>
  Submit: MethodDefinition<_trainyard_v1_SubmitRequest, _trainyard_v1_SubmitReply, _trainyard_v1_SubmitRequestReceived, _trainyard_v1_SubmitReplyReceived>
}
