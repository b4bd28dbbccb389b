/** Both sides of TLS on the control plane: a server whose certificate may change, and a client's channel and metadata. */
import * as grpc from "@grpc/grpc-js";
import type { ClientSecurity } from "../security/client-security.js";
import { serverTlsOptions } from "../security/server-security.js";
import type { ServerFiles } from "../security/tls-files.js";
import type { Watched } from "../security/watched.js";

/** `source`: null = plain text. New connections get the certificate that is there then. */
export const serverCredentials = (source: Watched<ServerFiles> | null): grpc.ServerCredentials =>
  source === null ? grpc.ServerCredentials.createInsecure() : new WatchedCredentials(source);

class WatchedCredentials extends grpc.ServerCredentials {
  readonly #source: Watched<ServerFiles>;

  constructor(source: Watched<ServerFiles>) {
    super({ ...serverTlsOptions }, source.current);
    this.#source = source;
    source.onChange((files) => this.updateSecureContextOptions(files));
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return other instanceof WatchedCredentials && other.#source === this.#source;
  }
}

/** Errors: USAGE when the folder's files can't be used. */
export function channelCredentials(security: ClientSecurity): grpc.ChannelCredentials {
  const files = security.files();
  if (files === null) return grpc.credentials.createInsecure();
  const { ca, own } = files;
  if (own === undefined) return grpc.credentials.createSsl(Buffer.from(ca));
  return grpc.credentials.createSsl(Buffer.from(ca), Buffer.from(own.key), Buffer.from(own.cert));
}

/** The token for calls to `address` (host:port), where there is one. Errors: USAGE, see ClientSecurity. */
export function callMetadata(security: ClientSecurity, address: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  const token = security.tokenFor(address.slice(0, address.lastIndexOf(":")));
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}
