// Original file: proto/trainyard/v1/runs.proto


export interface RunDescription {
  'run'?: (string);
  /**
   * run, spec, state
   */
  'json'?: (string);
}

export interface RunDescriptionReceived {
  'run': (string);
  /**
   * run, spec, state
   */
  'json': (string);
}
