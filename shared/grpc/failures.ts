/**
 * Our errors on gRPC calls: the sentence is the status' text, the code travels in the metadata, so that a caller sees what
 * a command on the spot would have said, with the same exit code.
 */
import * as grpc from "@grpc/grpc-js";
import { asTrainyardError, type ErrorCode, TrainyardError } from "../errors.js";
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
  if (!(caught instanceof Error) || !("details" in caught)) return asTrainyardError(caught, "UNREACHABLE");
  const { code, details, metadata } = caught as grpc.ServiceError;
  const [known] = metadata?.get(codeKey) ?? [];
  if (known !== undefined) return new TrainyardError(String(known) as ErrorCode, details, { cause: caught });
  if (isNotAdmitted(caught)) {
    return new TrainyardError("REFUSED", `the coordinator at ${address} refuses: ${details}`, {
      cause: caught,
    });
  }
  if (code === grpc.status.UNIMPLEMENTED) {
    return new TrainyardError(
      "USAGE",
      `the coordinator at ${address} has one run and takes no others: start one without a data set (trainyard coordinator)`,
      { cause: caught },
    );
  }
  return new TrainyardError(
    "UNREACHABLE",
    `the coordinator at ${address} can't be reached: ${whyNot(code, details)}`,
    {
      cause: caught,
    },
  );
}

/** grpc-js tells its own story around what the network said. */
function whyNot(code: grpc.status, details: string): string {
  if (code === grpc.status.DEADLINE_EXCEEDED) return "no answer in time";
  return /ECONNREFUSED/.test(details) ? "nothing listens there" : details.replace(/\s+/g, " ").trim();
}
