// Original file: proto/trainyard/v1/control.proto


/**
 * The export of a checkpoint is in the store.
 */
export interface Exported {
  'checkpoint'?: (string);
  /**
   * the files of the export
   */
  'paths'?: (string)[];
}

/**
 * The export of a checkpoint is in the store.
 */
export interface ExportedReceived {
  'checkpoint': (string);
  /**
   * the files of the export
   */
  'paths': (string)[];
}
