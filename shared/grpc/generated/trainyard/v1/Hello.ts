// Original file: proto/trainyard/v1/control.proto

import type { Fingerprint as _trainyard_v1_Fingerprint, FingerprintReceived as _trainyard_v1_FingerprintReceived } from '../../trainyard/v1/Fingerprint.js';

export interface Hello {
  /**
   * wire version; must be equal
   */
  'protocol'?: (number);
  /**
   * of Trainyard; major.minor must be equal, patch may differ
   */
  'version'?: (string);
  /**
   * stable over reconnects
   */
  'worker'?: (string);
  'host'?: (string);
  'pid'?: (number);
  'fingerprint'?: (_trainyard_v1_Fingerprint | null);
  /**
   * host:port of the worker's metrics, may be empty
   */
  'metrics'?: (string);
}

export interface HelloReceived {
  /**
   * wire version; must be equal
   */
  'protocol': (number);
  /**
   * of Trainyard; major.minor must be equal, patch may differ
   */
  'version': (string);
  /**
   * stable over reconnects
   */
  'worker': (string);
  'host': (string);
  'pid': (number);
  'fingerprint': (_trainyard_v1_FingerprintReceived | null);
  /**
   * host:port of the worker's metrics, may be empty
   */
  'metrics': (string);
}
