// Original file: proto/trainyard/v1/control.proto


/**
 * Every slice has the initial parameters.
 */
export interface Initialised {
}

/**
 * Every slice has the initial parameters.
 */
export interface InitialisedReceived {
}
