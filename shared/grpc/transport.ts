/**
 * The port under a gRPC server. It accepts connections itself and hands them to grpc-js, so that it can limit those
 * whose peer has not shown yet that it may be here (connection-limiter.ts), and cut those of a peer that does not let
 * its calls end. A simulation brings its own transport.
 */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import * as grpc from "@grpc/grpc-js";
import type { Clock } from "../clock.js";
import { ConnectionLimiter } from "../connection-limiter.js";
import { limits } from "../limits.js";
import { listenError } from "../listen-error.js";
import type { ServerFiles } from "../security/tls-files.js";
import type { Watched } from "../security/watched-files.js";
import { serverCredentials } from "./credentials.js";
import { serverOptions } from "./protocol.js";

/** Handlers of a service by method name, as grpc.Server takes them. */
export type Handlers = Parameters<grpc.Server["addService"]>[1];

/** What a gRPC server listens with. */
export interface Transport {
  addService(service: grpc.ServiceDefinition, handlers: Handlers): void;
  /** Returns the port. `tls`: null for plain text. Errors: USAGE when the address can't be had. */
  listen(host: string, port: number, tls: Watched<ServerFiles> | null): Promise<number>;
  /** The connection of a call's peer (`getPeer()`) is allowed to be here. Returns what ends that, to be called once. */
  identify(peer: string): () => void;
  /** Ends the connection of a peer without an allowed call now, with everything that waits to be sent on it. */
  cutUnidentified(peer: string): void;
  /** Takes no new calls, and cuts those that are still open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** The real transport: TCP and grpc-js. */
export class TcpTransport implements Transport {
  readonly #clock: Clock;
  readonly #server = new grpc.Server(serverOptions);
  readonly #connections: ConnectionLimiter;
  #port: Server | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    const { unidentifiedConnections: unidentified, helloMs: unidentifiedMs } = limits;
    this.#connections = new ConnectionLimiter({ unidentified, unidentifiedMs }, clock);
  }

  addService(service: grpc.ServiceDefinition, handlers: Handlers): void {
    this.#server.addService(service, handlers);
  }

  listen(host: string, port: number, tls: Watched<ServerFiles> | null): Promise<number> {
    const { injectConnection } = this.#server.createConnectionInjector(serverCredentials(tls));
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => undefined); // its calls tell
      this.#connections.accept(socket);
      injectConnection(socket);
    });
    this.#port = server;
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(listenError(error, host, port)));
      server.listen(port, host.replace(/^\[|\]$/g, ""), () =>
        resolve((server.address() as AddressInfo).port),
      );
    });
  }

  identify(peer: string): () => void {
    return this.#connections.identify(endOf(peer));
  }

  cutUnidentified(peer: string): void {
    this.#connections.closeUnidentified(endOf(peer));
  }

  async close(graceMs: number): Promise<void> {
    this.#port?.close();
    await new Promise<void>((resolve) => {
      const callOff = this.#clock.after(graceMs, () => {
        this.#server.forceShutdown();
        resolve();
      });
      this.#server.tryShutdown(() => {
        callOff();
        resolve();
      });
    });
    this.#connections.closeAll();
  }
}

/** The other end of a connection, from `address:port` as grpc-js writes it. */
function endOf(peer: string): Pick<Socket, "remoteAddress" | "remotePort"> {
  const colon = peer.lastIndexOf(":");
  return { remoteAddress: peer.slice(0, colon), remotePort: Number(peer.slice(colon + 1)) };
}
