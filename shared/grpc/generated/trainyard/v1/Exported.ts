// Original file: proto/trainyard/v1/control.proto


export interface Exported {
  'checkpoint'?: (string);
  'paths'?: (string)[];
}

export interface ExportedReceived {
  'checkpoint': (string);
  'paths': (string)[];
}
