// Original file: proto/trainyard/v1/control.proto

import type { Hello as _trainyard_v1_Hello, HelloReceived as _trainyard_v1_HelloReceived } from '../../trainyard/v1/Hello.js';
import type { Ready as _trainyard_v1_Ready, ReadyReceived as _trainyard_v1_ReadyReceived } from '../../trainyard/v1/Ready.js';
import type { Initialised as _trainyard_v1_Initialised, InitialisedReceived as _trainyard_v1_InitialisedReceived } from '../../trainyard/v1/Initialised.js';
import type { LaneRecord as _trainyard_v1_LaneRecord, LaneRecordReceived as _trainyard_v1_LaneRecordReceived } from '../../trainyard/v1/LaneRecord.js';
import type { BlockResult as _trainyard_v1_BlockResult, BlockResultReceived as _trainyard_v1_BlockResultReceived } from '../../trainyard/v1/BlockResult.js';
import type { Exported as _trainyard_v1_Exported, ExportedReceived as _trainyard_v1_ExportedReceived } from '../../trainyard/v1/Exported.js';
import type { AssignmentFailed as _trainyard_v1_AssignmentFailed, AssignmentFailedReceived as _trainyard_v1_AssignmentFailedReceived } from '../../trainyard/v1/AssignmentFailed.js';
import type { Heartbeat as _trainyard_v1_Heartbeat, HeartbeatReceived as _trainyard_v1_HeartbeatReceived } from '../../trainyard/v1/Heartbeat.js';
import type { Leaving as _trainyard_v1_Leaving, LeavingReceived as _trainyard_v1_LeavingReceived } from '../../trainyard/v1/Leaving.js';
import type { Settled as _trainyard_v1_Settled, SettledReceived as _trainyard_v1_SettledReceived } from '../../trainyard/v1/Settled.js';
import type { AuditDone as _trainyard_v1_AuditDone, AuditDoneReceived as _trainyard_v1_AuditDoneReceived } from '../../trainyard/v1/AuditDone.js';
import type { Damaged as _trainyard_v1_Damaged, DamagedReceived as _trainyard_v1_DamagedReceived } from '../../trainyard/v1/Damaged.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A message from a worker to the coordinator.
 */
export interface FromWorker {
  /**
   * empty in the first Hello: the worker takes the coordinator's run
   */
  'run'?: (string);
  /**
   * 0 in Hello; afterwards the generation of the coordinator that sent Welcome
   */
  'generation'?: (number | string | Long);
  'hello'?: (_trainyard_v1_Hello | null);
  'ready'?: (_trainyard_v1_Ready | null);
  'initialised'?: (_trainyard_v1_Initialised | null);
  'laneRecord'?: (_trainyard_v1_LaneRecord | null);
  'blockResult'?: (_trainyard_v1_BlockResult | null);
  'exported'?: (_trainyard_v1_Exported | null);
  'assignmentFailed'?: (_trainyard_v1_AssignmentFailed | null);
  'heartbeat'?: (_trainyard_v1_Heartbeat | null);
  'leaving'?: (_trainyard_v1_Leaving | null);
  'settled'?: (_trainyard_v1_Settled | null);
  'auditDone'?: (_trainyard_v1_AuditDone | null);
  'damaged'?: (_trainyard_v1_Damaged | null);
  'body'?: "hello"|"ready"|"initialised"|"laneRecord"|"blockResult"|"exported"|"assignmentFailed"|"heartbeat"|"leaving"|"settled"|"auditDone"|"damaged";
}

/**
 * A message from a worker to the coordinator.
 */
export interface FromWorkerReceived {
  /**
   * empty in the first Hello: the worker takes the coordinator's run
   */
  'run': (string);
  /**
   * 0 in Hello; afterwards the generation of the coordinator that sent Welcome
   */
  'generation': (string);
  'hello'?: (_trainyard_v1_HelloReceived | null);
  'ready'?: (_trainyard_v1_ReadyReceived | null);
  'initialised'?: (_trainyard_v1_InitialisedReceived | null);
  'laneRecord'?: (_trainyard_v1_LaneRecordReceived | null);
  'blockResult'?: (_trainyard_v1_BlockResultReceived | null);
  'exported'?: (_trainyard_v1_ExportedReceived | null);
  'assignmentFailed'?: (_trainyard_v1_AssignmentFailedReceived | null);
  'heartbeat'?: (_trainyard_v1_HeartbeatReceived | null);
  'leaving'?: (_trainyard_v1_LeavingReceived | null);
  'settled'?: (_trainyard_v1_SettledReceived | null);
  'auditDone'?: (_trainyard_v1_AuditDoneReceived | null);
  'damaged'?: (_trainyard_v1_DamagedReceived | null);
  'body'?: "hello"|"ready"|"initialised"|"laneRecord"|"blockResult"|"exported"|"assignmentFailed"|"heartbeat"|"leaving"|"settled"|"auditDone"|"damaged";
}
