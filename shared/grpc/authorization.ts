/**
 * Reads the credentials of a gRPC call, the token in its metadata or the client's certificate, and writes the status of
 * a refused call. Who lets calls in: admitted-services.ts.
 */
import * as grpc from "@grpc/grpc-js";
import type { Credentials, Refused } from "../security/server-security.js";

/** The parts of a server's call, of any kind, that authorisation reads. */
export interface JudgedCall {
  readonly metadata: grpc.Metadata;
  getAuthContext(): ReturnType<grpc.ServerUnaryCall<unknown, unknown>["getAuthContext"]>;
}

/** Given to a unary call's callback, or emitted as "error" on a stream, it ends the call with its status. */
export type Refusal = Pick<grpc.ServiceError, "name" | "message" | "code" | "details">;

/** The refusal of a call that was not let in, or may not go on. */
export const refusalOfVerdict = ({ tag, sentence }: Refused): Refusal => {
  const { UNAUTHENTICATED, PERMISSION_DENIED } = grpc.status;
  return refusalOf(tag === "unknown" ? UNAUTHENTICATED : PERMISSION_DENIED, sentence);
};

/** The error with which a handler ends a refused call. */
export const refusalOf = (code: grpc.status, details: string): Refusal => ({
  name: "Refused",
  message: details,
  code,
  details,
});

/** The credentials of a gRPC call. */
export function credentialsOf(call: JudgedCall): Credentials {
  const [header] = call.metadata.get("authorization");
  // TLS verified it: grpc-js names no certificate otherwise.
  const subject = call.getAuthContext().sslPeerCertificate?.subject;
  return { token: bearerToken(header === undefined ? undefined : String(header)), subject };
}

/** The token of a header `Bearer TOKEN`; undefined when the header has another form or is missing. */
export const bearerToken = (header: string | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];

/** True for the two statuses that say "not you": trying again as the same changes nothing. */
export const isNotAdmitted = (error: unknown): error is grpc.ServiceError =>
  error instanceof Error &&
  "code" in error &&
  (error.code === grpc.status.UNAUTHENTICATED || error.code === grpc.status.PERMISSION_DENIED);
