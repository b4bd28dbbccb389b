/**
 * Receives partials on upload streams: each is judged, waits for its step and for memory, is put together, and is
 * acknowledged. `partial-admission.ts` decides what is taken, `partial-room.ts` when there is memory for it.
 */
import type { Clock } from "../../shared/clock.js";
import { type AckStatus, UploadChunk } from "../../shared/grpc/tensor-messages.js";
import type { UploadCall } from "../../shared/grpc/tensor-server.js";
import type { Wire } from "../../shared/grpc/wire.js";
import { limits } from "../../shared/limits.js";
import { TokenBucket } from "../../shared/token-bucket.js";
import type { SliceReport } from "../core/work.js";
import type { Comparison } from "./audited-nodes.js";
import { claimOf, nodeOf, type PartialAdmission, type PartialVerdict } from "./partial-admission.js";
import { type Arrival, PartialAssembly } from "./partial-assembly.js";
import { hasRoom, roomFor } from "./partial-room.js";
import type { ReducedSlice } from "./slice.js";
import { admissionOf } from "./tickets.js";

/** What the receiver tells the server. */
export interface ReceiverEvents {
  /** Initial weights were loaded. */
  loaded(): void;
  /** The slice's sum is whole. */
  whole(step: number, report: SliceReport): void;
  /** A worker's value of a watched node was compared with others' values. */
  compared(step: number, comparison: Comparison): void;
  /** Bytes of a chunk arrived. */
  received(bytes: number): void;
  /** A partial was answered with another status than ACCEPTED. */
  refused(reason: AckStatus): void;
}

export interface ReceiverOptions {
  readonly slice: ReducedSlice;
  readonly wire: Wire;
  readonly admission: PartialAdmission;
  /** A worker sends one partial at a time: a second stream of it ends what the first has begun. */
  readonly isOneStreamPerWorker: boolean;
  readonly events: ReceiverEvents;
  readonly clock: Clock;
}

export class PartialReceiver {
  readonly #options: ReceiverOptions;
  readonly #slice: ReducedSlice;
  readonly #clock: Clock;
  readonly #assemblies = new Map<PartialAssembly, UploadCall>();
  /** Uploads that wait for a step, or for room. */
  readonly #waiters = new Set<() => void>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#slice = options.slice;
    this.#clock = options.clock;
  }

  /** Receives one worker's partials, in order. Malformed input ends the stream with a status; the worker opens another. */
  async receive(call: UploadCall): Promise<void> {
    const { wire, events } = this.#options;
    const assembly = new PartialAssembly(wire, this.#slice.vectors);
    this.#assemblies.set(assembly, call);
    const bucket = new TokenBucket(this.#clock, limits.uploadMessages);
    let stopDeadline = (): void => undefined;
    try {
      for await (const message of call.messages()) {
        await bucket.next();
        const chunk = parsed(message);
        events.received(chunk.data.byteLength);
        if (assembly.isFirst(chunk)) {
          await this.#untilBegun(call, chunk);
          // No pause between the last look at the room and the vector that is taken: others look at the same room.
          const roomMs = countdown(this.#clock, limits.admissionMs);
          while (!call.isOver && !this.#hasRoom(call, chunk) && roomMs() > 0)
            await this.#nextChange(call, roomMs());
          this.#endOthersOf(chunk.worker, assembly);
          stopDeadline();
          stopDeadline = this.#clock.after(this.#uploadMs, () => this.#cut(call, assembly));
        }
        const arrival = assembly.take(chunk, (first) => this.#judge(call, first).tag === "admitted");
        if (arrival === null) continue;
        stopDeadline();
        await this.#acknowledge(call, arrival);
      }
      call.end();
    } catch (error) {
      call.refuse(error instanceof Error ? error.message : String(error));
    } finally {
      stopDeadline();
      this.#assemblies.delete(assembly);
      assembly.abandon();
      this.wake();
    }
  }

  /** Looks again at everything that waits for a step, a grant or room. */
  wake(): void {
    for (const wake of this.#waiters) wake();
  }

  /** Gives back the memory of partials that are not taken any more: another step or attempt began. */
  forgetStale(): void {
    const { admission } = this.#options;
    for (const { call, chunk, assembly } of this.#underWay())
      if (admission.judge(chunk, call.credentials).tag !== "admitted") assembly.forget();
    this.wake();
  }

  /** Refuses what a worker that has left had sent in part, and gives its memory back. `admission`: the worker's. */
  forgetWorker(admission: number): void {
    for (const [assembly, { credentials }] of this.#assemblies) {
      if (!assembly.isHalf || admissionOf(credentials.ticket) !== admission) continue;
      assembly.forget();
      this.#options.events.refused("STALE");
    }
    this.wake();
  }

  /** Throws the reason when the stream may not send this. */
  #judge(call: UploadCall, chunk: UploadChunk): Exclude<PartialVerdict, { tag: "refused" }> {
    const verdict = this.#options.admission.judge(chunk, call.credentials);
    if (verdict.tag === "refused") throw new Error(verdict.reason);
    return verdict;
  }

  /** Waits until the partial's step has begun, within a deadline: a worker may be faster than the core's message. */
  async #untilBegun(call: UploadCall, chunk: UploadChunk): Promise<void> {
    const { tag } = this.#judge(call, chunk);
    // A grant is posted to this thread before its worker is asked: it is at most one round of the event loop away.
    if (chunk.kind === "AUDIT" || tag === "early" || tag === "stale") await this.#clock.sleep(0);
    const stepMs = countdown(this.#clock, limits.stepDeadlineMinMs);
    while (!call.isOver && this.#judge(call, chunk).tag === "early" && stepMs() > 0)
      await this.#nextChange(call, stepMs());
  }

  /** Only a partial that will be added needs room. */
  #hasRoom(call: UploadCall, chunk: UploadChunk): boolean {
    if (chunk.kind !== "GRADIENT" || this.#judge(call, chunk).tag !== "admitted") return true;
    const underWay = this.#underWay().map((partial) => nodeOf(partial.chunk));
    const { kept, present } = this.#slice.occupancy;
    return hasRoom(nodeOf(chunk), { kept, present, underWay }, roomFor(this.#slice.length));
  }

  /** Partials that have a vector here. */
  #underWay(): {
    readonly call: UploadCall;
    readonly chunk: UploadChunk;
    readonly assembly: PartialAssembly;
  }[] {
    return [...this.#assemblies].flatMap(([assembly, call]) =>
      assembly.underWay === undefined ? [] : [{ call, assembly, chunk: assembly.underWay }],
    );
  }

  /** Resolves when a step begins, a partial is settled, the stream is over or the time is; leaves nothing behind. */
  #nextChange(call: UploadCall, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        stopTimer();
        forget();
        this.#waiters.delete(wake);
        resolve();
      };
      const stopTimer = this.#clock.after(withinMs, wake);
      const forget = call.onOver(wake);
      this.#waiters.add(wake);
    });
  }

  /** How long a partial may take from its first chunk on: a silence, and its bytes over the slowest line. */
  get #uploadMs(): number {
    return limits.tensorSilenceMs + (4_000 * this.#slice.length) / limits.slowestBytesPerSecond;
  }

  /** Ends a stream whose partial holds memory for too long. */
  #cut(call: UploadCall, assembly: PartialAssembly): void {
    assembly.abandon();
    call.cut();
    this.wake();
  }

  #endOthersOf(worker: string, current: PartialAssembly): void {
    if (!this.#options.isOneStreamPerWorker) return;
    for (const [assembly, call] of this.#assemblies) {
      if (assembly !== current && assembly.underWay?.worker === worker) this.#cut(call, assembly);
    }
  }

  /** Nothing more is read before the answer is sent: a worker that reads no answers gets no memory for them. */
  #acknowledge(call: UploadCall, arrival: Arrival): Promise<void> {
    const { step, slice, beginLane, endLane } = arrival.chunk;
    const status = this.#settle(call, arrival);
    if (status !== "ACCEPTED") this.#options.events.refused(status);
    this.wake();
    return call.acknowledge({ step, slice, beginLane, endLane, status });
  }

  #settle(call: UploadCall, arrival: Arrival): AckStatus {
    if (arrival.tag === "corrupt") return "CORRUPT";
    const { chunk } = arrival;
    if (arrival.tag === "unwanted") return unwantedStatus(chunk, this.#judge(call, chunk).tag);
    return this.#add(call, chunk, arrival.values);
  }

  /** Adds a whole partial, if it is taken now too. The vector is the slice's or given back, in every case. */
  #add(call: UploadCall, chunk: UploadChunk, values: Float32Array): AckStatus {
    const { admission, events } = this.#options;
    const verdict = admission.judge(chunk, call.credentials);
    if (verdict.tag !== "admitted") {
      this.#slice.vectors.release(values);
      if (verdict.tag === "refused") throw new Error(verdict.reason);
      return verdict.tag === "dropped" ? "DROPPED" : "STALE";
    }
    const claim = claimOf(chunk);
    if (claim === null) {
      if (!this.#slice.load(values)) return "DROPPED";
      events.loaded();
      return "ACCEPTED";
    }
    const { report, comparison } = this.#slice.take(claim, values);
    if (report !== null) events.whole(chunk.step, report);
    if (comparison !== null) events.compared(chunk.step, comparison);
    return "ACCEPTED";
  }
}

/** A partial that was not taken at its first chunk is not here, even if it would be taken by now. */
function unwantedStatus({ kind }: UploadChunk, tag: PartialVerdict["tag"]): AckStatus {
  return tag === "dropped" || (kind === "INITIAL" && tag === "admitted") ? "DROPPED" : "STALE";
}

function countdown(clock: Clock, ms: number): () => number {
  const endMs = clock.nowMs() + ms;
  return () => endMs - clock.nowMs();
}

/** Throws a sentence that names the fields that are wrong. */
function parsed(message: unknown): UploadChunk {
  const chunk = UploadChunk.safeParse(message);
  if (chunk.success) return chunk.data;
  const wrong = chunk.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`a chunk that is not of this protocol: ${wrong.join("; ")}`);
}
