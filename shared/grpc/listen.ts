/** Where a server may listen: loopback, unless the user says in so many words that anyone may connect. */
import * as grpc from "@grpc/grpc-js";
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

/**
 * Binds and returns the port. `credentials`: default plain text. Errors: USAGE when the port is taken or the address is
 * not this machine's.
 */
export function bind(
  server: grpc.Server,
  host: string,
  port: number,
  credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
      if (error === null) return resolve(bound);
      reject(
        new TrainyardError(
          "USAGE",
          `can't listen on ${host}:${port} (${error.message}): choose another port or address`,
          {
            cause: error,
          },
        ),
      );
    });
  });
}
