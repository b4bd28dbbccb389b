// Original file: proto/trainyard/v1/control.proto

import type { Fingerprint as _trainyard_v1_Fingerprint, FingerprintReceived as _trainyard_v1_FingerprintReceived } from '../../trainyard/v1/Fingerprint.js';

/**
 * The first message of a worker.
 */
export interface Hello {
  /**
   * version of this protocol; must be equal
   */
  'protocol'?: (number);
  /**
   * Trainyard's version; major.minor must be equal, patch may differ
   */
  'version'?: (string);
  /**
   * the worker's id; the same after a reconnect
   */
  'worker'?: (string);
  'host'?: (string);
  'pid'?: (number);
  'fingerprint'?: (_trainyard_v1_Fingerprint | null);
  /**
   * host:port of the worker's metrics, may be empty
   */
  'metrics'?: (string);
  /**
   * the worker has a store setting of its own: it is sent no keys
   */
  'ownStore'?: (boolean);
}

/**
 * The first message of a worker.
 */
export interface HelloReceived {
  /**
   * version of this protocol; must be equal
   */
  'protocol': (number);
  /**
   * Trainyard's version; major.minor must be equal, patch may differ
   */
  'version': (string);
  /**
   * the worker's id; the same after a reconnect
   */
  'worker': (string);
  'host': (string);
  'pid': (number);
  'fingerprint': (_trainyard_v1_FingerprintReceived | null);
  /**
   * host:port of the worker's metrics, may be empty
   */
  'metrics': (string);
  /**
   * the worker has a store setting of its own: it is sent no keys
   */
  'ownStore': (boolean);
}
