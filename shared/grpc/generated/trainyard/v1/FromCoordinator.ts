// Original file: proto/trainyard/v1/control.proto

import type { Welcome as _trainyard_v1_Welcome, WelcomeReceived as _trainyard_v1_WelcomeReceived } from '../../trainyard/v1/Welcome.js';
import type { Refused as _trainyard_v1_Refused, RefusedReceived as _trainyard_v1_RefusedReceived } from '../../trainyard/v1/Refused.js';
import type { Slices as _trainyard_v1_Slices, SlicesReceived as _trainyard_v1_SlicesReceived } from '../../trainyard/v1/Slices.js';
import type { Initialise as _trainyard_v1_Initialise, InitialiseReceived as _trainyard_v1_InitialiseReceived } from '../../trainyard/v1/Initialise.js';
import type { Gradients as _trainyard_v1_Gradients, GradientsReceived as _trainyard_v1_GradientsReceived } from '../../trainyard/v1/Gradients.js';
import type { Evaluate as _trainyard_v1_Evaluate, EvaluateReceived as _trainyard_v1_EvaluateReceived } from '../../trainyard/v1/Evaluate.js';
import type { Export as _trainyard_v1_Export, ExportReceived as _trainyard_v1_ExportReceived } from '../../trainyard/v1/Export.js';
import type { Finished as _trainyard_v1_Finished, FinishedReceived as _trainyard_v1_FinishedReceived } from '../../trainyard/v1/Finished.js';
import type { Audit as _trainyard_v1_Audit, AuditReceived as _trainyard_v1_AuditReceived } from '../../trainyard/v1/Audit.js';
import type { Drain as _trainyard_v1_Drain, DrainReceived as _trainyard_v1_DrainReceived } from '../../trainyard/v1/Drain.js';
import type { StoreKeys as _trainyard_v1_StoreKeys, StoreKeysReceived as _trainyard_v1_StoreKeysReceived } from '../../trainyard/v1/StoreKeys.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A message from the coordinator to a worker.
 */
export interface FromCoordinator {
  'run'?: (string);
  'generation'?: (number | string | Long);
  'welcome'?: (_trainyard_v1_Welcome | null);
  'refused'?: (_trainyard_v1_Refused | null);
  'slices'?: (_trainyard_v1_Slices | null);
  'initialise'?: (_trainyard_v1_Initialise | null);
  'gradients'?: (_trainyard_v1_Gradients | null);
  'evaluate'?: (_trainyard_v1_Evaluate | null);
  'export'?: (_trainyard_v1_Export | null);
  'finished'?: (_trainyard_v1_Finished | null);
  'audit'?: (_trainyard_v1_Audit | null);
  'drain'?: (_trainyard_v1_Drain | null);
  'storeKeys'?: (_trainyard_v1_StoreKeys | null);
  'body'?: "welcome"|"refused"|"slices"|"initialise"|"gradients"|"evaluate"|"export"|"finished"|"audit"|"drain"|"storeKeys";
}

/**
 * A message from the coordinator to a worker.
 */
export interface FromCoordinatorReceived {
  'run': (string);
  'generation': (string);
  'welcome'?: (_trainyard_v1_WelcomeReceived | null);
  'refused'?: (_trainyard_v1_RefusedReceived | null);
  'slices'?: (_trainyard_v1_SlicesReceived | null);
  'initialise'?: (_trainyard_v1_InitialiseReceived | null);
  'gradients'?: (_trainyard_v1_GradientsReceived | null);
  'evaluate'?: (_trainyard_v1_EvaluateReceived | null);
  'export'?: (_trainyard_v1_ExportReceived | null);
  'finished'?: (_trainyard_v1_FinishedReceived | null);
  'audit'?: (_trainyard_v1_AuditReceived | null);
  'drain'?: (_trainyard_v1_DrainReceived | null);
  'storeKeys'?: (_trainyard_v1_StoreKeysReceived | null);
  'body'?: "welcome"|"refused"|"slices"|"initialise"|"gradients"|"evaluate"|"export"|"finished"|"audit"|"drain"|"storeKeys";
}
