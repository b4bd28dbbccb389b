// Original file: proto/trainyard/v1/runs.proto


export interface RunRequest {
  /**
   * the run's name, the beginning of the name, or `latest`
   */
  'run'?: (string);
}

export interface RunRequestReceived {
  /**
   * the run's name, the beginning of the name, or `latest`
   */
  'run': (string);
}
