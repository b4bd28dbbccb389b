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
   * ids: worker, step, epoch …
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
   * ids: worker, step, epoch …
   */
  'fieldsJson': (string);
}
