// Original file: proto/trainyard/v1/runs.proto


export interface SubmitRequest {
  /**
   * the data set's name; empty with `resume`
   */
  'dataset'?: (string);
  /**
   * the run's options as the command line parsed them: {"batch-size": 32}
   */
  'flagsJson'?: (string);
  /**
   * the name of a stored run that was stopped, has failed or was cut off, and shall go on
   */
  'resume'?: (string);
}

export interface SubmitRequestReceived {
  /**
   * the data set's name; empty with `resume`
   */
  'dataset': (string);
  /**
   * the run's options as the command line parsed them: {"batch-size": 32}
   */
  'flagsJson': (string);
  /**
   * the name of a stored run that was stopped, has failed or was cut off, and shall go on
   */
  'resume': (string);
}
