/** Both sides of TLS on the control plane: a server whose certificate may change, and a client's channel and metadata. */
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import * as grpc from "@grpc/grpc-js";
import { type ClientSecurity, partsOf } from "../security/client-security.js";
import { serverTlsOptions } from "../security/server-security.js";
import type { ServerFiles } from "../security/tls-files.js";
import type { Watched } from "../security/watched-files.js";
import { channelOptions } from "./protocol.js";

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

/** What grpc.Client is made with. */
export interface Channel {
  readonly credentials: grpc.ChannelCredentials;
  readonly options: grpc.ChannelOptions;
}

/** TLS allows no address as the name of a server. */
const nameOfAddress = "address.invalid";

/**
 * Credentials and options for calls to `address` (host:port). A host name is verified as it is written, an IP address
 * by the addresses in the certificate. Errors: USAGE when the TLS files can't be used.
 */
export function channelTo(address: string, security: ClientSecurity): Channel {
  const files = security.files();
  if (files === null) return { credentials: grpc.credentials.createInsecure(), options: channelOptions };
  const { ca, own } = files;
  const { host } = partsOf(address);
  const isAddress = isIP(host) !== 0;
  const credentials = grpc.credentials.createSsl(
    Buffer.from(ca),
    own === undefined ? null : Buffer.from(own.key),
    own === undefined ? null : Buffer.from(own.cert),
    isAddress ? { checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) } : {},
  );
  const named = isAddress ? { "grpc.ssl_target_name_override": nameOfAddress } : {};
  return { credentials, options: { ...channelOptions, ...named } };
}

/** The token for calls to `address` (host:port), where there is one. Errors: USAGE, see ClientSecurity. */
export function callMetadata(security: ClientSecurity, address: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  const token = security.tokenFor(address.slice(0, address.lastIndexOf(":")));
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}
