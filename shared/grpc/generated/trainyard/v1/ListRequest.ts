// Original file: proto/trainyard/v1/runs.proto


export interface ListRequest {
}

export interface ListRequestReceived {
}
