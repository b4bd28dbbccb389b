// Original file: proto/trainyard/v1/control.proto


export interface Initialised {
}

export interface InitialisedReceived {
}
