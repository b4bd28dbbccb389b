import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AssignmentFailed as _trainyard_v1_AssignmentFailed, AssignmentFailedReceived as _trainyard_v1_AssignmentFailedReceived } from './trainyard/v1/AssignmentFailed.js';
import type { Audit as _trainyard_v1_Audit, AuditReceived as _trainyard_v1_AuditReceived } from './trainyard/v1/Audit.js';
import type { AuditDone as _trainyard_v1_AuditDone, AuditDoneReceived as _trainyard_v1_AuditDoneReceived } from './trainyard/v1/AuditDone.js';
import type { BlockResult as _trainyard_v1_BlockResult, BlockResultReceived as _trainyard_v1_BlockResultReceived } from './trainyard/v1/BlockResult.js';
import type { ControlClient as _trainyard_v1_ControlClient, ControlDefinition as _trainyard_v1_ControlDefinition } from './trainyard/v1/Control.js';
import type { Damaged as _trainyard_v1_Damaged, DamagedReceived as _trainyard_v1_DamagedReceived } from './trainyard/v1/Damaged.js';
import type { Drain as _trainyard_v1_Drain, DrainReceived as _trainyard_v1_DrainReceived } from './trainyard/v1/Drain.js';
import type { Evaluate as _trainyard_v1_Evaluate, EvaluateReceived as _trainyard_v1_EvaluateReceived } from './trainyard/v1/Evaluate.js';
import type { Export as _trainyard_v1_Export, ExportReceived as _trainyard_v1_ExportReceived } from './trainyard/v1/Export.js';
import type { Exported as _trainyard_v1_Exported, ExportedReceived as _trainyard_v1_ExportedReceived } from './trainyard/v1/Exported.js';
import type { Fingerprint as _trainyard_v1_Fingerprint, FingerprintReceived as _trainyard_v1_FingerprintReceived } from './trainyard/v1/Fingerprint.js';
import type { Finished as _trainyard_v1_Finished, FinishedReceived as _trainyard_v1_FinishedReceived } from './trainyard/v1/Finished.js';
import type { FromCoordinator as _trainyard_v1_FromCoordinator, FromCoordinatorReceived as _trainyard_v1_FromCoordinatorReceived } from './trainyard/v1/FromCoordinator.js';
import type { FromWorker as _trainyard_v1_FromWorker, FromWorkerReceived as _trainyard_v1_FromWorkerReceived } from './trainyard/v1/FromWorker.js';
import type { Gradients as _trainyard_v1_Gradients, GradientsReceived as _trainyard_v1_GradientsReceived } from './trainyard/v1/Gradients.js';
import type { Heartbeat as _trainyard_v1_Heartbeat, HeartbeatReceived as _trainyard_v1_HeartbeatReceived } from './trainyard/v1/Heartbeat.js';
import type { Hello as _trainyard_v1_Hello, HelloReceived as _trainyard_v1_HelloReceived } from './trainyard/v1/Hello.js';
import type { Initialise as _trainyard_v1_Initialise, InitialiseReceived as _trainyard_v1_InitialiseReceived } from './trainyard/v1/Initialise.js';
import type { Initialised as _trainyard_v1_Initialised, InitialisedReceived as _trainyard_v1_InitialisedReceived } from './trainyard/v1/Initialised.js';
import type { LaneRecord as _trainyard_v1_LaneRecord, LaneRecordReceived as _trainyard_v1_LaneRecordReceived } from './trainyard/v1/LaneRecord.js';
import type { Leaving as _trainyard_v1_Leaving, LeavingReceived as _trainyard_v1_LeavingReceived } from './trainyard/v1/Leaving.js';
import type { Ready as _trainyard_v1_Ready, ReadyReceived as _trainyard_v1_ReadyReceived } from './trainyard/v1/Ready.js';
import type { Refused as _trainyard_v1_Refused, RefusedReceived as _trainyard_v1_RefusedReceived } from './trainyard/v1/Refused.js';
import type { Settled as _trainyard_v1_Settled, SettledReceived as _trainyard_v1_SettledReceived } from './trainyard/v1/Settled.js';
import type { SliceEndpoint as _trainyard_v1_SliceEndpoint, SliceEndpointReceived as _trainyard_v1_SliceEndpointReceived } from './trainyard/v1/SliceEndpoint.js';
import type { Slices as _trainyard_v1_Slices, SlicesReceived as _trainyard_v1_SlicesReceived } from './trainyard/v1/Slices.js';
import type { StoreKeys as _trainyard_v1_StoreKeys, StoreKeysReceived as _trainyard_v1_StoreKeysReceived } from './trainyard/v1/StoreKeys.js';
import type { Welcome as _trainyard_v1_Welcome, WelcomeReceived as _trainyard_v1_WelcomeReceived } from './trainyard/v1/Welcome.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  trainyard: {
    v1: {
      AssignmentFailed: MessageTypeDefinition<_trainyard_v1_AssignmentFailed, _trainyard_v1_AssignmentFailedReceived>
      Audit: MessageTypeDefinition<_trainyard_v1_Audit, _trainyard_v1_AuditReceived>
      AuditDone: MessageTypeDefinition<_trainyard_v1_AuditDone, _trainyard_v1_AuditDoneReceived>
      BlockResult: MessageTypeDefinition<_trainyard_v1_BlockResult, _trainyard_v1_BlockResultReceived>
      Control: SubtypeConstructor<typeof grpc.Client, _trainyard_v1_ControlClient> & { service: _trainyard_v1_ControlDefinition }
      Damaged: MessageTypeDefinition<_trainyard_v1_Damaged, _trainyard_v1_DamagedReceived>
      Drain: MessageTypeDefinition<_trainyard_v1_Drain, _trainyard_v1_DrainReceived>
      Evaluate: MessageTypeDefinition<_trainyard_v1_Evaluate, _trainyard_v1_EvaluateReceived>
      Export: MessageTypeDefinition<_trainyard_v1_Export, _trainyard_v1_ExportReceived>
      Exported: MessageTypeDefinition<_trainyard_v1_Exported, _trainyard_v1_ExportedReceived>
      Fingerprint: MessageTypeDefinition<_trainyard_v1_Fingerprint, _trainyard_v1_FingerprintReceived>
      Finished: MessageTypeDefinition<_trainyard_v1_Finished, _trainyard_v1_FinishedReceived>
      FromCoordinator: MessageTypeDefinition<_trainyard_v1_FromCoordinator, _trainyard_v1_FromCoordinatorReceived>
      FromWorker: MessageTypeDefinition<_trainyard_v1_FromWorker, _trainyard_v1_FromWorkerReceived>
      Gradients: MessageTypeDefinition<_trainyard_v1_Gradients, _trainyard_v1_GradientsReceived>
      Heartbeat: MessageTypeDefinition<_trainyard_v1_Heartbeat, _trainyard_v1_HeartbeatReceived>
      Hello: MessageTypeDefinition<_trainyard_v1_Hello, _trainyard_v1_HelloReceived>
      Initialise: MessageTypeDefinition<_trainyard_v1_Initialise, _trainyard_v1_InitialiseReceived>
      Initialised: MessageTypeDefinition<_trainyard_v1_Initialised, _trainyard_v1_InitialisedReceived>
      LaneRecord: MessageTypeDefinition<_trainyard_v1_LaneRecord, _trainyard_v1_LaneRecordReceived>
      Leaving: MessageTypeDefinition<_trainyard_v1_Leaving, _trainyard_v1_LeavingReceived>
      Ready: MessageTypeDefinition<_trainyard_v1_Ready, _trainyard_v1_ReadyReceived>
      Refused: MessageTypeDefinition<_trainyard_v1_Refused, _trainyard_v1_RefusedReceived>
      Settled: MessageTypeDefinition<_trainyard_v1_Settled, _trainyard_v1_SettledReceived>
      SliceEndpoint: MessageTypeDefinition<_trainyard_v1_SliceEndpoint, _trainyard_v1_SliceEndpointReceived>
      Slices: MessageTypeDefinition<_trainyard_v1_Slices, _trainyard_v1_SlicesReceived>
      StoreKeys: MessageTypeDefinition<_trainyard_v1_StoreKeys, _trainyard_v1_StoreKeysReceived>
      Welcome: MessageTypeDefinition<_trainyard_v1_Welcome, _trainyard_v1_WelcomeReceived>
    }
  }
}

