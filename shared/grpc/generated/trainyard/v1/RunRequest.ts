// Original file: proto/trainyard/v1/runs.proto


export interface RunRequest {
  /**
   * its name, the beginning of it, or `latest`
   */
  'run'?: (string);
}

export interface RunRequestReceived {
  /**
   * its name, the beginning of it, or `latest`
   */
  'run': (string);
}
