/** Where a server may listen: loopback, unless the user says in so many words that anyone may connect. */
import { TrainyardError } from "../errors.js";
import { isLoopback } from "../loopback.js";
import type { ServerSecurity } from "../security/server-security.js";

/**
 * Refuses to serve other machines without protection. Throws USAGE when `host` is reachable from other machines and the
 * server lacks TLS or lets unidentified peers in, unless `insecure` was asked for.
 */
export function requireSecured(host: string, security: ServerSecurity, insecure: boolean): void {
  if (isLoopback(host) || insecure || (security.tls !== null && !security.openToAll)) return;
  throw new TrainyardError(
    "USAGE",
    `listening on ${host} would serve anyone who reaches this machine: give --tls FOLDER (trainyard certs makes it) ` +
      "and --tokens FILE (trainyard tokens create) or client certificates, listen on 127.0.0.1, " +
      "or add --insecure if the network is yours alone",
  );
}
