// Original file: proto/trainyard/v1/control.proto


/**
 * Keys for the store, in place of those of the worker's environment. Sent after Welcome, and again before they expire. They
 * read the run and its data set; those of Export also write the export.
 */
export interface StoreKeys {
  'accessKey'?: (string);
  'secretKey'?: (string);
  /**
   * empty for keys that do not expire
   */
  'sessionToken'?: (string);
  'region'?: (string);
  /**
   * seconds from now on; 0: they do not expire
   */
  'validSeconds'?: (number);
}

/**
 * Keys for the store, in place of those of the worker's environment. Sent after Welcome, and again before they expire. They
 * read the run and its data set; those of Export also write the export.
 */
export interface StoreKeysReceived {
  'accessKey': (string);
  'secretKey': (string);
  /**
   * empty for keys that do not expire
   */
  'sessionToken': (string);
  'region': (string);
  /**
   * seconds from now on; 0: they do not expire
   */
  'validSeconds': (number);
}
