// Original file: proto/trainyard/v1/tensors.proto

import type { Long } from '@grpc/proto-loader';

export interface WeightsRequest {
  'run'?: (string);
  'generation'?: (number | string | Long);
  'slice'?: (number);
}

export interface WeightsRequestReceived {
  'run': (string);
  'generation': (string);
  'slice': (number);
}
