/**
 * Identifies and authorises the caller of a gRPC method, by the token in the metadata or by the client's certificate. A
 * handler passes the call and the role that it needs; when it gets a refusal, it ends the call with it.
 */
import * as grpc from "@grpc/grpc-js";
import type { Peer, Role } from "../security/roles.js";
import type { Credentials, ServerSecurity } from "../security/server-security.js";

/** The parts of a server's call, of any kind, that authorisation reads. */
export interface JudgedCall {
  readonly metadata: grpc.Metadata;
  getAuthContext(): ReturnType<grpc.ServerUnaryCall<unknown, unknown>["getAuthContext"]>;
}

/** Given to a unary call's callback, or emitted as "error" on a stream, it ends the call with its status. */
export type Refusal = Pick<grpc.ServiceError, "name" | "message" | "code" | "details">;

/** The caller, or why the call is refused. */
export type Judgement = { readonly peer: Peer; readonly refusal: null } | { readonly refusal: Refusal };

/** The peer when it may do what needs the role; else UNAUTHENTICATED or PERMISSION_DENIED in one sentence. */
export function judgeCall(security: ServerSecurity, call: JudgedCall, needed: Role): Judgement {
  const verdict = security.judge(security.openToAll ? {} : credentialsOf(call), needed);
  if (verdict.tag === "allowed") return { peer: verdict.peer, refusal: null };
  const { UNAUTHENTICATED, PERMISSION_DENIED } = grpc.status;
  return {
    refusal: refusalOf(verdict.tag === "unknown" ? UNAUTHENTICATED : PERMISSION_DENIED, verdict.sentence),
  };
}

/** The error with which a handler ends a refused call. */
export const refusalOf = (code: grpc.status, details: string): Refusal => ({
  name: "Refused",
  message: details,
  code,
  details,
});

function credentialsOf(call: JudgedCall): Credentials {
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
