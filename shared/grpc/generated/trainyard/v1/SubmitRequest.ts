// Original file: proto/trainyard/v1/runs.proto


export interface SubmitRequest {
  /**
   * empty with `resume`
   */
  'dataset'?: (string);
  /**
   * options of a run by name, as the command line parsed them: {"batch-size": 32}
   */
  'flagsJson'?: (string);
  /**
   * a stored run that was stopped, has failed or was cut off, and shall go on
   */
  'resume'?: (string);
}

export interface SubmitRequestReceived {
  /**
   * empty with `resume`
   */
  'dataset': (string);
  /**
   * options of a run by name, as the command line parsed them: {"batch-size": 32}
   */
  'flagsJson': (string);
  /**
   * a stored run that was stopped, has failed or was cut off, and shall go on
   */
  'resume': (string);
}
