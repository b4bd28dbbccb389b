// Original file: proto/trainyard/v1/control.proto


export interface Fingerprint {
  'tensorflow'?: (string);
  /**
   * CPU model and a hash of its flags, or GPU model
   */
  'device'?: (string);
  'nodeMajor'?: (number);
}

export interface FingerprintReceived {
  'tensorflow': (string);
  /**
   * CPU model and a hash of its flags, or GPU model
   */
  'device': (string);
  'nodeMajor': (number);
}
