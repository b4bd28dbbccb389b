/**
 * Limits the connections to one port. A connection is identified once its peer has shown that it may be here, and
 * unidentified until then. Unidentified connections are limited in number and in time: when one too many comes, the oldest
 * is closed. Honest peers identify themselves within milliseconds, so a flood keeps none of them out.
 */
import type { Socket } from "node:net";
import { type Clock, realClock } from "./clock.js";

/** The limits on a port's unidentified connections. */
export interface ConnectionLimit {
  /** How many may be open at once. */
  readonly unidentified: number;
  /** An unidentified connection is closed after this time. */
  readonly unidentifiedMs: number;
}

/** The remote end of a connection, as sockets name it. */
type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

interface Unidentified {
  readonly socket: Socket;
  readonly callOff: () => void;
}

const nameOf = ({ remoteAddress, remotePort }: Peer) => `${remoteAddress} ${remotePort}`;

/** The connections of one port, and which of them are identified. */
export class ConnectionLimiter {
  readonly #limit: ConnectionLimit;
  readonly #clock: Clock;
  /** Every connection, by its other end. */
  readonly #sockets = new Map<string, Socket>();
  /** Unidentified connections by peer, the oldest first. */
  readonly #unidentifiedByPeer = new Map<string, Unidentified>();
  /** Number of open calls of each identified peer. */
  readonly #identified = new Map<string, number>();

  constructor(limit: ConnectionLimit, clock: Clock = realClock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** How many unidentified connections are open. */
  get unidentified(): number {
    return this.#unidentifiedByPeer.size;
  }

  /** Takes a connection that the server has just accepted. */
  accept(socket: Socket): void {
    const peer = nameOf(socket);
    this.#sockets.set(peer, socket);
    socket.once("close", () => {
      this.#know(peer);
      this.#identified.delete(peer);
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
    });
    this.#watch(peer, socket);
  }

  /** The peer has shown that it may be here. Returns a function that ends this identification; call it once. */
  identify(peer: Peer): () => void {
    const name = nameOf(peer);
    this.#know(name);
    this.#identified.set(name, (this.#identified.get(name) ?? 0) + 1);
    return () => this.#leave(name);
  }

  /** Ends the connection of a peer now, unless it is identified. */
  closeUnidentified(peer: Peer): void {
    this.#unidentifiedByPeer.get(nameOf(peer))?.socket.destroy();
  }

  /** Ends every connection now. */
  closeAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #leave(name: string): void {
    const open = (this.#identified.get(name) ?? 0) - 1;
    if (open > 0) return void this.#identified.set(name, open);
    this.#identified.delete(name);
    const socket = this.#sockets.get(name);
    if (socket !== undefined && !socket.destroyed) this.#watch(name, socket);
  }

  #know(name: string): void {
    this.#unidentifiedByPeer.get(name)?.callOff();
    this.#unidentifiedByPeer.delete(name);
  }

  #watch(name: string, socket: Socket): void {
    this.#know(name);
    const callOff = this.#clock.after(this.#limit.unidentifiedMs, () => socket.destroy());
    this.#unidentifiedByPeer.set(name, { socket, callOff });
    const [first] = this.#unidentifiedByPeer.values();
    if (this.#unidentifiedByPeer.size > this.#limit.unidentified) first?.socket.destroy();
  }
}
