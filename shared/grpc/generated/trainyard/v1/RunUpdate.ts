// Original file: proto/trainyard/v1/runs.proto


export interface RunUpdate {
  'statusJson'?: (string);
}

export interface RunUpdateReceived {
  'statusJson': (string);
}
