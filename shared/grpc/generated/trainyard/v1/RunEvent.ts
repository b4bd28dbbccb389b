// Original file: proto/trainyard/v1/runs.proto


export interface RunEvent {
  /**
   * ISO 8601 in UTC
   */
  'at'?: (string);
  /**
   * info, warn or error
   */
  'level'?: (string);
  'message'?: (string);
  /**
   * the ids of the event: worker, step, epoch …
   */
  'fieldsJson'?: (string);
}

export interface RunEventReceived {
  /**
   * ISO 8601 in UTC
   */
  'at': (string);
  /**
   * info, warn or error
   */
  'level': (string);
  'message': (string);
  /**
   * the ids of the event: worker, step, epoch …
   */
  'fieldsJson': (string);
}
