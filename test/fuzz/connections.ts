/** Connections that care for no protocol, and what is drawn for them. Everything here ends by itself, or with `close`. */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { RandomStream } from "../../shared/random.js";

/** Another seed by TRAINYARD_FUZZ_SEED; more of everything by TRAINYARD_FUZZ_TIMES. */
export const fuzzSeed = Number(process.env.TRAINYARD_FUZZ_SEED ?? 1);
export const fuzzTimes = Number(process.env.TRAINYARD_FUZZ_TIMES ?? 1);

export class Dice {
  readonly #random: RandomStream;

  constructor(name: string) {
    this.#random = new RandomStream(fuzzSeed, ...Buffer.from(name));
  }

  below(bound: number): number {
    return this.#random.nextBelow(bound);
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: 1 + this.below(most) }, () => this.below(256)));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** A copy with a few bytes changed, cut or doubled. */
  spoiled(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    for (let change = 0; change <= this.below(8); change += 1)
      copy[this.below(copy.length)] = this.below(256);
    const cut = this.below(4);
    if (cut === 0) return copy.subarray(0, this.below(copy.length));
    return cut === 1 ? Buffer.concat([copy, copy.subarray(this.below(copy.length))]) : copy;
  }
}

export class Attackers {
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ClientHttp2Session>();

  /** Resolves once connected, or refused: then it is destroyed. */
  socket(port: number): Promise<Socket> {
    const socket = connect(port, "127.0.0.1");
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.resume();
    return new Promise((resolve) => {
      for (const event of ["connect", "close"]) socket.once(event, () => resolve(socket));
    });
  }

  /** Sends it, and waits until the other side has taken it or is gone. */
  async send(port: number, bytes: Buffer): Promise<Socket> {
    const socket = await this.socket(port);
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.write(bytes, () => resolve());
    });
    return socket;
  }

  http2(port: number): ClientHttp2Session {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    this.#sessions.add(session);
    session.on("error", () => undefined);
    session.once("close", () => this.#sessions.delete(session));
    return session;
  }

  /** A byte now and then, for as long as the other side has patience. */
  async drip(port: number, bytes: Buffer, everyMs: number): Promise<void> {
    const socket = await this.socket(port);
    for (const byte of bytes) {
      if (socket.destroyed) return;
      socket.write(Uint8Array.of(byte));
      await sleep(everyMs);
    }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const session of this.#sessions) session.destroy();
  }
}
