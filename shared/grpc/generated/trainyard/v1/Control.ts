// Original file: proto/trainyard/v1/control.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { FromCoordinator as _trainyard_v1_FromCoordinator, FromCoordinatorReceived as _trainyard_v1_FromCoordinatorReceived } from '../../trainyard/v1/FromCoordinator.js';
import type { FromWorker as _trainyard_v1_FromWorker, FromWorkerReceived as _trainyard_v1_FromWorkerReceived } from '../../trainyard/v1/FromWorker.js';

export interface ControlClient extends grpc.Client {
  /**
   * A worker opens this stream and keeps it open. Its first message is Hello; the answer is Welcome or Refused.
   * When the stream breaks, the worker opens another with the same worker id and repeats its unfinished messages.
   */
  Join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_FromWorker, _trainyard_v1_FromCoordinatorReceived>;
  Join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_FromWorker, _trainyard_v1_FromCoordinatorReceived>;
  /**
   * A worker opens this stream and keeps it open. Its first message is Hello; the answer is Welcome or Refused.
   * When the stream breaks, the worker opens another with the same worker id and repeats its unfinished messages.
   */
  join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_FromWorker, _trainyard_v1_FromCoordinatorReceived>;
  join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_trainyard_v1_FromWorker, _trainyard_v1_FromCoordinatorReceived>;
  
}

export interface ControlHandlers extends grpc.UntypedServiceImplementation {
  /**
   * A worker opens this stream and keeps it open. Its first message is Hello; the answer is Welcome or Refused.
   * When the stream breaks, the worker opens another with the same worker id and repeats its unfinished messages.
   */
  Join: grpc.handleBidiStreamingCall<_trainyard_v1_FromWorkerReceived, _trainyard_v1_FromCoordinator>;
  
}

export interface ControlDefinition extends grpc.ServiceDefinition {
  Join: MethodDefinition<_trainyard_v1_FromWorker, _trainyard_v1_FromCoordinator, _trainyard_v1_FromWorkerReceived, _trainyard_v1_FromCoordinatorReceived>
}
