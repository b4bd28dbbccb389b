// Original file: proto/trainyard/v1/tensors.proto

import type { AckStatus as _trainyard_v1_AckStatus, AckStatusReceived as _trainyard_v1_AckStatusReceived } from '../../trainyard/v1/AckStatus.js';
import type { Long } from '@grpc/proto-loader';

export interface UploadAck {
  'step'?: (number | string | Long);
  'slice'?: (number);
  'beginLane'?: (number);
  'endLane'?: (number);
  'status'?: (_trainyard_v1_AckStatus);
}

export interface UploadAckReceived {
  'step': (string);
  'slice': (number);
  'beginLane': (number);
  'endLane': (number);
  'status': (_trainyard_v1_AckStatusReceived);
}
