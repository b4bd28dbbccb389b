/**
 * Reads an HTTP caller's credentials: `Authorization: Bearer TOKEN`, Basic with the token as password (browsers), or a
 * client certificate.
 */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { CertificateSubject, Credentials } from "./server-security.js";

/** The credentials of an HTTP request. */
export function credentialsOf({ headers, socket }: IncomingMessage): Credentials {
  const subject = socket instanceof TLSSocket && socket.authorized ? subjectOf(socket) : undefined;
  return { token: tokenOf(headers.authorization), subject };
}

/** What the header brings as a token, whatever it is worth; undefined: there is none. */
function tokenOf(header: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^(Bearer|Basic) +(\S+)$/i.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() !== "basic") return scheme === "" ? undefined : value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.slice(pair.indexOf(":") + 1);
}

/** The subject of a client certificate that TLS has verified. */
function subjectOf(socket: TLSSocket): CertificateSubject | undefined {
  const { subject } = socket.getPeerCertificate();
  return subject as CertificateSubject | undefined;
}
