// Original file: proto/trainyard/v1/control.proto


/**
 * What decides whether two workers compute the same bits.
 */
export interface Fingerprint {
  'tensorflow'?: (string);
  /**
   * CPU model and a hash of its flags, or GPU model; variables that act at a process's start
   */
  'device'?: (string);
  'nodeMajor'?: (number);
}

/**
 * What decides whether two workers compute the same bits.
 */
export interface FingerprintReceived {
  'tensorflow': (string);
  /**
   * CPU model and a hash of its flags, or GPU model; variables that act at a process's start
   */
  'device': (string);
  'nodeMajor': (number);
}
