/** A real slice server on loopback whose streams need tickets, as in a coordinator, and workers' streams to it. */
import { randomBytes } from "node:crypto";
import { SliceServer } from "../../coordinator/reducers/server.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { issueTicket } from "../../coordinator/reducers/tickets.js";
import { type Clock, realClock } from "../../shared/clock.js";
import { TensorConnection } from "../../shared/grpc/tensor-client.js";
import { Http2TensorServer } from "../../shared/grpc/tensor-server.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { ownedBy } from "./slice-vectors.js";

const identity = {
  run: "tickets",
  generation: 3,
  lanes: 4,
  momentVectors: 2,
  tolerance: 0,
  ticketSecret: randomBytes(32),
};

export class TicketedSlice {
  readonly slice: ReducedSlice;
  readonly tensors: SliceServer;
  /** Answers that were not ACCEPTED, in order. */
  readonly refused: string[] = [];
  /** Steps whose root was reported whole. */
  readonly whole: number[] = [];
  port = 0;
  readonly #server = new Http2TensorServer();
  readonly #closers: (() => void)[] = [() => this.#server.destroy()];
  readonly #admissions = new Map<string, number>();

  private constructor(length: number, clock: Clock) {
    this.slice = new ReducedSlice({ slice: 0, begin: 0, end: length }, identity);
    const events = {
      loaded: () => undefined,
      whole: (step: number) => this.whole.push(step),
      compared: () => undefined,
      traffic: () => undefined,
      refused: (reason: string) => this.refused.push(reason),
    };
    this.tensors = new SliceServer(this.slice, identity, events, clock);
  }

  static async start(length: number, clock = realClock): Promise<TicketedSlice> {
    const made = new TicketedSlice(length, clock);
    made.port = await made.tensors.listen(made.#server, "127.0.0.1", 0);
    return made;
  }

  load(): void {
    this.slice.load(ownedBy(this.slice, new Float32Array(this.slice.length)));
  }

  begin(step: number, lanes: Readonly<Record<string, readonly number[]>>): void {
    this.tensors.begin({ step, attempt: 0, present: [0, 1, 2, 3], banned: [] });
    for (const [worker, granted] of Object.entries(lanes)) {
      this.tensors.grant(worker, { kind: "GRADIENT", step, attempt: 0, lanes: granted });
    }
  }

  /** The worker is admitted once, and keeps its ticket. */
  ticketOf(worker: string): string {
    const admission = this.#admissions.get(worker) ?? this.#admissions.size + 1;
    this.#admissions.set(worker, admission);
    this.tensors.admit(admission);
    return issueTicket({ ...identity, secret: identity.ticketSecret }, worker, admission);
  }

  /** A worker's stream of partials. */
  sender(worker: string): PartialSender {
    const sender = new PartialSender({
      host: "127.0.0.1",
      run: identity.run,
      generation: identity.generation,
      slices: [{ slice: 0, begin: 0, end: this.slice.length, port: this.port }],
      worker,
      ticket: this.ticketOf(worker),
      onBytes: () => undefined,
      onBroken: () => undefined,
    });
    this.#closers.push(() => sender.close());
    return sender;
  }

  /** A worker's connection, for what no honest one sends. */
  connection(worker: string): TensorConnection {
    const connection = new TensorConnection(`127.0.0.1:${this.port}`, {
      tls: null,
      worker,
      ticket: this.ticketOf(worker),
    });
    this.#closers.push(() => connection.close());
    return connection;
  }

  /** Of a chunk that is right. */
  fields(worker: string, lanes: readonly [number, number], change: object = {}): object {
    const { run, generation } = identity;
    const [beginLane, endLane] = lanes;
    const at = { step: 0, attempt: 0, slice: 0, kind: "GRADIENT", offset: 0, crc32c: 0 };
    return { run, generation, worker, beginLane, endLane, ...at, ...change };
  }

  request(): object {
    return { run: identity.run, generation: identity.generation, slice: 0 };
  }

  close(): void {
    for (const close of this.#closers.reverse()) close();
  }
}
