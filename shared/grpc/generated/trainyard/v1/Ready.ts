// Original file: proto/trainyard/v1/control.proto


/**
 * The worker has opened its data set, started its engine and recorded all graphs.
 */
export interface Ready {
  'layoutJson'?: (string);
}

/**
 * The worker has opened its data set, started its engine and recorded all graphs.
 */
export interface ReadyReceived {
  'layoutJson': (string);
}
