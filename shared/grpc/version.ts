/** The protocol's number, raised when a message changes meaning: workers of another number are refused. */
export const protocolVersion = 6;
