/**
 * Connections to a port by who is on the other end: guests, who showed that they may be here, and strangers, of whom
 * there are only so many, each for a while. When one too many comes the one that came first goes: whoever means well
 * is a guest within milliseconds, so a flood of strangers keeps nobody out.
 */
import type { Socket } from "node:net";

export interface CrowdLimit {
  readonly strangers: number;
  /** A stranger who stays one for so long is sent away. */
  readonly strangerMs: number;
}

/** An end of a connection, as sockets name it. */
type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

interface Stranger {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
}

const nameOf = ({ remoteAddress, remotePort }: Peer) => `${remoteAddress} ${remotePort}`;

export class Crowd {
  readonly #limit: CrowdLimit;
  /** Every connection, by its other end. */
  readonly #sockets = new Map<string, Socket>();
  /** Those who came first, first. */
  readonly #strangers = new Map<string, Stranger>();
  /** What guests have open. */
  readonly #guests = new Map<string, number>();

  constructor(limit: CrowdLimit) {
    this.#limit = limit;
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  /** A connection that was just accepted. */
  enter(socket: Socket): void {
    const peer = nameOf(socket);
    this.#sockets.set(peer, socket);
    socket.once("close", () => {
      this.#know(peer);
      this.#guests.delete(peer);
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
    });
    this.#watch(peer, socket);
  }

  /** Its other end showed that it may be here. Returns how it stops to be a guest: once for each call. */
  welcome(peer: Peer): () => void {
    const name = nameOf(peer);
    this.#know(name);
    this.#guests.set(name, (this.#guests.get(name) ?? 0) + 1);
    return () => this.#leave(name);
  }

  /** Ends every connection now. */
  disperse(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #leave(name: string): void {
    const open = (this.#guests.get(name) ?? 0) - 1;
    if (open > 0) return void this.#guests.set(name, open);
    this.#guests.delete(name);
    const socket = this.#sockets.get(name);
    if (socket !== undefined && !socket.destroyed) this.#watch(name, socket);
  }

  #know(name: string): void {
    clearTimeout(this.#strangers.get(name)?.timer);
    this.#strangers.delete(name);
  }

  #watch(name: string, socket: Socket): void {
    this.#know(name);
    const timer = setTimeout(() => socket.destroy(), this.#limit.strangerMs);
    timer.unref();
    this.#strangers.set(name, { socket, timer });
    const [first] = this.#strangers.values();
    if (this.#strangers.size > this.#limit.strangers) first?.socket.destroy();
  }
}
