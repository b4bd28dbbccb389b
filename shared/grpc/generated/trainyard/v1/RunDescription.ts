// Original file: proto/trainyard/v1/runs.proto


export interface RunDescription {
  'run'?: (string);
  /**
   * the run's name, spec and state
   */
  'json'?: (string);
}

export interface RunDescriptionReceived {
  'run': (string);
  /**
   * the run's name, spec and state
   */
  'json': (string);
}
