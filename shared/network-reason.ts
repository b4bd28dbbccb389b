/** Why a connection failed, in words, from the codes of Node's errors: the same words for gRPC and HTTP. */

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name can't be looked up",
  EHOSTUNREACH: "the network has no way to that machine",
  ENETUNREACH: "the network has no way to that machine",
  EADDRNOTAVAIL: "the network has no way to that machine",
  ETIMEDOUT: "no answer in time",
  ABORT_ERR: "no answer in time",
  ECONNRESET: "the connection was closed before an answer came",
  EPIPE: "the connection was closed before an answer came",
  ERR_INVALID_URL: "this is no address: write HOST:PORT",
};

/** What a peer answers that speaks another protocol than HTTP/1.1 here. */
const notHttp =
  "what listens there speaks no HTTP: is this the coordinator's control port, not its HTTP port?";
const noTls = "what listens there speaks no TLS: write its address without https://";

/** The reason of a failed connection; null when the code is none that is known. */
export function reasonOfCode(code: string): string | null {
  if (code.startsWith("HPE_")) return notHttp;
  if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$|^EPROTO$/.test(code)) return noTls;
  if (/CERT|SELF_SIGNED|VERIFY|SSL|TLS/.test(code))
    return `its certificate is not accepted (${code}): give --tls FOLDER with its ca.crt`;
  return reasons[code] ?? null;
}

/** The reason in a text that holds one of Node's codes, as grpc-js writes it; null when it holds none. */
export function reasonInText(text: string): string | null {
  const code = Object.keys(reasons).find((known) => text.includes(known));
  if (code !== undefined) return reasonOfCode(code);
  if (text.startsWith("Name resolution failed")) return "its name is not known";
  const [, fault] = /ERR_TLS_CERT\w+\]: (.*?)\.? *(?:Resolution note|$)/s.exec(text) ?? [];
  return fault === undefined ? null : `its certificate is not accepted (${fault})`;
}
