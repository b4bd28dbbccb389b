// Original file: proto/trainyard/v1/control.proto


/**
 * The worker has its data set, its engine and all graphs.
 */
export interface Ready {
  'layoutJson'?: (string);
}

/**
 * The worker has its data set, its engine and all graphs.
 */
export interface ReadyReceived {
  'layoutJson': (string);
}
