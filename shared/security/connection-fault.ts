/**
 * Why a connection to a control port does not come about where the network works: gRPC says only that it is unavailable.
 * TLS is wrong, or the port is the coordinator's HTTP port. Looked into by a connection of its own.
 */
import { connect as connectPlain, type Socket } from "node:net";
import { connect } from "node:tls";
import { type ClientSecurity, partsOf, tlsOptionsOf } from "./client-security.js";

/** What is wrong with a connection. */
export interface ConnectionFault {
  /** What it is, and what to do. */
  readonly sentence: string;
  /** Another attempt with the same settings ends the same way. */
  readonly isFinal: boolean;
}

const lookMs = 2_000;

/** What OpenSSL says when the other side answers a handshake with something else. */
const noTls = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|TLSV1_ALERT_PROTOCOL_VERSION)$|^EPROTO$/;

/** What Node's HTTPS server says to a client that only speaks HTTP/2. */
const noHttp2 = /^ERR_SSL_(TLSV1_ALERT_NO_APPLICATION_PROTOCOL|SSLV3_ALERT_HANDSHAKE_FAILURE)$/;
/** The first bytes of an HTTP/2 client. */
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** `address`: host:port. Null: the reason is another one. Never rejects. */
export async function findConnectionFault(
  address: string,
  security: ClientSecurity,
): Promise<ConnectionFault | null> {
  const { host, port } = partsOf(address);
  const files = security.files();
  const verification = files === null ? { rejectUnauthorized: false } : tlsOptionsOf(files);
  const open = () => connect({ host, port, ALPNProtocols: ["h2"], ...verification });
  const overTls = await look(open, "secureConnect", {
    opened: (_, settle) => settle(files === null ? wantsTls(address) : null),
    failed: (error) =>
      noHttp2.test(error.code ?? "") ? isHttpPort(address) : faultOf(address, error, files === null),
  });
  if (overTls !== null || files !== null) return overTls;
  return await look(() => connectPlain({ host, port }), "connect", {
    opened: (socket, settle) => {
      socket.write(preface);
      socket.once("data", (answer: Buffer) =>
        settle(answer.toString("latin1").startsWith("HTTP/1.") ? isHttpPort(address) : null),
      );
    },
    failed: () => null,
  });
}

interface Look {
  readonly opened: (socket: Socket, settle: (fault: ConnectionFault | null) => void) => void;
  readonly failed: (error: NodeJS.ErrnoException) => ConnectionFault | null;
}

/** Opens a connection, and closes it once it is known what is wrong with it, or after `lookMs`. */
function look(open: () => Socket, event: string, { opened, failed }: Look): Promise<ConnectionFault | null> {
  return new Promise((resolve) => {
    const socket = open();
    const settle = (fault: ConnectionFault | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fault);
    };
    const timer = setTimeout(() => settle(null), lookMs);
    socket.once(event, () => opened(socket, settle));
    socket.on("error", (error) => settle(failed(error)));
    socket.once("close", () => settle(null));
  });
}

const isHttpPort = (address: string): ConnectionFault => ({
  sentence: `what listens at ${address} is an HTTP server, not a coordinator's control port: give the port of --port (7070), not that of the pages`,
  isFinal: true,
});

const wantsTls = (address: string): ConnectionFault => ({
  sentence: `the coordinator at ${address} speaks TLS: give --tls FOLDER with the ca.crt that verifies it`,
  isFinal: true,
});

/** What a failed handshake says; nothing in plain text, where it was only tried. */
function faultOf(
  address: string,
  { code = "", message }: NodeJS.ErrnoException,
  isPlain: boolean,
): ConnectionFault | null {
  if (isPlain) return null;
  if (noTls.test(code)) {
    const sentence = `the coordinator at ${address} speaks no TLS: start it with --tls, or leave --tls out here`;
    return { sentence, isFinal: true };
  }
  // Of the network; what is left is what verification found.
  if (/^E[A-Z]+$/.test(code) || code === "") return null;
  const sentence = `the certificate of ${address} is not accepted (${message}): is the ca.crt of --tls the one that signed it, and does it name this host?`;
  return { sentence, isFinal: false };
}
