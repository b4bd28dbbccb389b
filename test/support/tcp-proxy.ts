/**
 * A TCP proxy that a test can hurt a process with: it counts what passes each way, cuts, stalls, slows, and stops at
 * a given byte so that a test strikes exactly in the middle of a message. It knows nothing of what passes.
 */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** `up`: from the one who connected to the one behind the proxy. */
export type Direction = "up" | "down";
const bothWays: readonly Direction[] = ["up", "down"];

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
}

/** Slow connections trickle: so many pieces a second, few enough for timers. */
const piecesPerSecond = 100;

/** A door that is open or closed; connections that come while it is closed wait. */
class Gate {
  #opened: Promise<void> | null = null;
  #open: () => void = () => undefined;

  close(): void {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#opened = null;
    this.#open();
  }

  async pass(): Promise<void> {
    while (this.#opened !== null) await this.#opened;
  }
}

/** A count of bytes in one direction at which nothing more passes. */
interface Mark {
  readonly at: number;
  readonly reached: () => void;
}

export class TcpProxy {
  readonly #server: Server;
  readonly #to: ProxyAddress;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #gates: Readonly<Record<Direction, Gate>> = { up: new Gate(), down: new Gate() };
  readonly #marks: Partial<Record<Direction, Mark>> = {};
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  /** What has passed since the start, all connections together. */
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };
  /** Connections that were ever accepted. */
  accepted = 0;

  private constructor(server: Server, to: ProxyAddress) {
    this.#server = server;
    this.#to = to;
    server.on("connection", (socket) => void this.#serve(socket));
  }

  /** Listens at `from`; nothing has to listen at `to` yet. Errors: Node's, when `from` is taken. */
  static async start(from: ProxyAddress, to: ProxyAddress): Promise<TcpProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(from.port, from.host);
    await once(server, "listening");
    return new TcpProxy(server, to);
  }

  /** Of the one behind it. */
  get port(): number {
    return this.#to.port;
  }

  /** All connections break, as when a router restarts; new ones are served. Returns how many there were. */
  cut(): number {
    const cut = this.#pairs.size;
    for (const sockets of this.#pairs) for (const socket of sockets) socket.resetAndDestroy();
    return cut;
  }

  /** From now on connections stay open, new ones are accepted, and nothing passes, the end of one neither. */
  stall(...directions: Direction[]): void {
    for (const direction of directions.length === 0 ? bothWays : directions) this.#gates[direction].close();
  }

  /** Everything passes again, what was held back first; at full speed, unless only one direction is named. */
  flow(...directions: Direction[]): void {
    if (directions.length === 0) this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    for (const direction of directions.length === 0 ? bothWays : directions) this.#gates[direction].open();
  }

  /** Each connection passes so much in each direction. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /**
   * Resolves when so many more bytes have passed in this direction, on all connections together. Not one byte more
   * passes there until `flow`, so that what a test does then happens in the middle of a transfer.
   */
  holdAfter(direction: Direction, bytes: number): Promise<void> {
    return new Promise((reached) => {
      this.#marks[direction] = { at: this.passed[direction] + bytes, reached };
    });
  }

  /** Nothing listens there any more. Twice is the same. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.flow();
    this.cut();
    await once(this.#server, "close");
  }

  async #serve(client: Socket): Promise<void> {
    this.accepted += 1;
    const behind = createConnection({ ...this.#to, noDelay: true, allowHalfOpen: true });
    const pair = [client, behind] as const;
    this.#pairs.add(pair);
    await Promise.all([this.#pump("up", client, behind), this.#pump("down", behind, client)]);
    this.#pairs.delete(pair);
  }

  /** Until the source ends, which ends the sink, or one of them breaks, which breaks the other. */
  async #pump(direction: Direction, source: Socket, sink: Socket): Promise<void> {
    source.on("error", () => undefined); // the loop throws it
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; ) at += await this.#passOn(direction, chunk.subarray(at), sink);
      }
      await this.#gates[direction].pass();
      sink.end();
    } catch {
      await this.#gates[direction].pass();
      sink.destroy();
    }
  }

  /** Some of the bytes, up to the next mark. Returns how many. */
  async #passOn(direction: Direction, bytes: Buffer, sink: Socket): Promise<number> {
    await this.#gates[direction].pass();
    const piece = this.#pieceOf(direction, bytes);
    this.passed[direction] += piece.length;
    this.#stopAtMark(direction);
    if (!sink.write(piece)) await Promise.race([once(sink, "drain"), once(sink, "close")]);
    if (sink.destroyed) throw new Error("the other side is gone");
    if (Number.isFinite(this.#bytesPerSecond)) await sleep((1000 * piece.length) / this.#bytesPerSecond);
    return piece.length;
  }

  #pieceOf(direction: Direction, bytes: Buffer): Buffer {
    const toMark = (this.#marks[direction]?.at ?? Number.POSITIVE_INFINITY) - this.passed[direction];
    const most = this.#bytesPerSecond / piecesPerSecond;
    return bytes.subarray(0, Math.max(1, Math.floor(Math.min(most, toMark, bytes.length))));
  }

  #stopAtMark(direction: Direction): void {
    const mark = this.#marks[direction];
    if (mark === undefined || this.passed[direction] < mark.at) return;
    delete this.#marks[direction];
    this.#gates[direction].close();
    mark.reached();
  }
}

/**
 * The way from one worker to its coordinator: a proxy per port, on a loopback address of the worker's own, since a
 * worker takes the tensor ports on the host of its `--coordinator`.
 */
export class WorkerRoute {
  readonly control: TcpProxy;
  readonly tensors: TcpProxy;
  /** For `--coordinator`. */
  readonly address: string;

  private constructor(address: string, control: TcpProxy, tensors: TcpProxy) {
    this.address = address;
    this.control = control;
    this.tensors = tensors;
  }

  /** `host`: 127.0.0.2 and so on, one for each worker. The coordinator listens on 127.0.0.1, with one reducer. */
  static async open(host: string, controlPort: number, tensorPort: number): Promise<WorkerRoute> {
    const [control, tensors] = await Promise.all(
      [controlPort, tensorPort].map((port) =>
        TcpProxy.start({ host, port }, { host: "127.0.0.1", port }),
      ) as [Promise<TcpProxy>, Promise<TcpProxy>],
    );
    return new WorkerRoute(`${host}:${controlPort}`, control, tensors);
  }

  get proxies(): readonly TcpProxy[] {
    return [this.control, this.tensors];
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }
}
