/**
 * Why a connection does not come about where TLS is the reason: gRPC says only that it is unavailable. Looked into by a
 * connection of its own.
 */
import { connect } from "node:tls";
import { type ClientSecurity, partsOf, tlsOptionsOf } from "./client-security.js";

/** What is wrong with a TLS connection. */
export interface TlsFault {
  /** What it is, and what to do. */
  readonly sentence: string;
  /** Another attempt with the same settings ends the same way. */
  readonly isFinal: boolean;
}

const lookMs = 2_000;

/** What OpenSSL says when the other side answers a handshake with something else. */
const noTls = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|TLSV1_ALERT_PROTOCOL_VERSION)$|^EPROTO$/;

/** `address`: host:port. Null: the reason is another one. Never rejects. */
export function findTlsFault(address: string, security: ClientSecurity): Promise<TlsFault | null> {
  const { host, port } = partsOf(address);
  const files = security.files();
  const verification = files === null ? { rejectUnauthorized: false } : tlsOptionsOf(files);
  return new Promise((resolve) => {
    const socket = connect({ host, port, ALPNProtocols: ["h2"], ...verification });
    const settle = (fault: TlsFault | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fault);
    };
    const timer = setTimeout(() => settle(null), lookMs);
    socket.once("secureConnect", () => settle(files === null ? wantsTls(address) : null));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      settle(files === null ? null : faultOf(address, error)),
    );
  });
}

const wantsTls = (address: string): TlsFault => ({
  sentence: `the coordinator at ${address} speaks TLS: give --tls FOLDER with the ca.crt that verifies it`,
  isFinal: true,
});

function faultOf(address: string, { code = "", message }: NodeJS.ErrnoException): TlsFault | null {
  if (noTls.test(code)) {
    const sentence = `the coordinator at ${address} speaks no TLS: start it with --tls, or leave --tls out here`;
    return { sentence, isFinal: true };
  }
  // Of the network; what is left is what verification found.
  if (/^E[A-Z]+$/.test(code) || code === "") return null;
  const sentence = `the certificate of ${address} is not accepted (${message}): is the ca.crt of --tls the one that signed it, and does it name this host?`;
  return { sentence, isFinal: false };
}
