/**
 * Our errors on gRPC calls: the sentence is the status' text, the code travels in the metadata, so that a caller sees what
 * a command on the spot would have said, with the same exit code.
 */
import * as grpc from "@grpc/grpc-js";
import { asTrainyardError, type ErrorCode, TrainyardError } from "../errors.js";
import { reasonInText } from "../network-reason.js";
import type { ClientSecurity } from "../security/client-security.js";
import { findConnectionFault } from "../security/connection-fault.js";
import { isNotAdmitted } from "./authorization.js";

const codeKey = "trainyard-code";

const statusCodes: Partial<Record<ErrorCode, grpc.status>> = {
  USAGE: grpc.status.INVALID_ARGUMENT,
  INPUT: grpc.status.INVALID_ARGUMENT,
  NOT_FOUND: grpc.status.NOT_FOUND,
  ALREADY_EXISTS: grpc.status.ALREADY_EXISTS,
  REFUSED: grpc.status.FAILED_PRECONDITION,
  UNREACHABLE: grpc.status.UNAVAILABLE,
  STORE_UNREACHABLE: grpc.status.UNAVAILABLE,
  INTERRUPTED: grpc.status.CANCELLED,
};

/** Given to a unary call's callback, or emitted as "error" on a stream, it ends the call. */
export function statusOf(caught: unknown): Partial<grpc.StatusObject> & Error {
  const { code, message } = asTrainyardError(caught);
  const metadata = new grpc.Metadata();
  metadata.set(codeKey, code);
  return {
    name: "TrainyardError",
    message,
    code: statusCodes[code] ?? grpc.status.INTERNAL,
    details: message,
    metadata,
  };
}

/** What a call to the coordinator at `address` failed with. */
export function failureOf(caught: unknown, address: string): TrainyardError {
  if (!isServiceError(caught)) return asTrainyardError(caught, "UNREACHABLE");
  const { code, details, metadata } = caught;
  const failed = (kind: ErrorCode, sentence: string) => new TrainyardError(kind, sentence, { cause: caught });
  const [known] = metadata?.get(codeKey) ?? [];
  if (known !== undefined) return failed(String(known) as ErrorCode, details);
  if (code === grpc.status.FAILED_PRECONDITION) return failed("USAGE", `${address}: ${details}`);
  if (isNotAdmitted(caught)) return failed("REFUSED", `the coordinator at ${address} refuses: ${details}`);
  if (code === grpc.status.UNIMPLEMENTED) {
    const sentence = `the coordinator at ${address} has one run and takes no others: start one without a data set (trainyard coordinator)`;
    return failed("USAGE", sentence);
  }
  return failed("UNREACHABLE", `the coordinator at ${address} can't be reached: ${reasonOfCall(caught)}`);
}

/**
 * As failureOf; a connection that did not come about is looked into once more, by a connection of its own, to say more
 * than gRPC does. Takes up to a few seconds then.
 */
export async function explainedFailure(
  caught: unknown,
  address: string,
  security: ClientSecurity,
): Promise<TrainyardError> {
  const failure = failureOf(caught, address);
  if (failure.code !== "UNREACHABLE") return failure;
  const fault = await findConnectionFault(address, security);
  return fault === null ? failure : new TrainyardError("UNREACHABLE", fault.sentence, { cause: caught });
}

/** True for the error of a gRPC call. */
export const isServiceError = (caught: unknown): caught is grpc.ServiceError =>
  caught instanceof Error && "details" in caught && "code" in caught;

/** Why a call failed, without the words that grpc-js puts around what the network said. */
export function reasonOfCall({ code, details }: grpc.ServiceError): string {
  const { DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, CANCELLED } = grpc.status;
  if (code === DEADLINE_EXCEEDED) return details === "no hello came" ? details : "no answer in time";
  if (code === RESOURCE_EXHAUSTED) return "a message is larger than either side takes";
  const reason = reasonInText(details);
  if (reason !== null) return reason;
  if (code === UNAVAILABLE || code === CANCELLED) return "the connection was closed before an answer came";
  return `what answers there is no coordinator of this version (gRPC status ${grpc.status[code] ?? code})`;
}
