/**
 * The tensor plane's server of one slice: partials in, weights out. It runs in the reducer's thread with a
 * port of its own and holds no decision: the coordinator's core says when a step begins and how it ends.
 */
import { status } from "@grpc/grpc-js";
import { type Clock, realClock } from "../../shared/clock.js";
import { reducerWindowBytes } from "../../shared/grpc/receive-window.js";
import { type AckStatus, UploadChunk, WeightsRequest } from "../../shared/grpc/tensor-messages.js";
import type { TensorListener, UploadCall, WeightsCall } from "../../shared/grpc/tensor-server.js";
import { limits } from "../../shared/limits.js";
import type { ServerFiles } from "../../shared/security/tls-files.js";
import { TokenBucket } from "../../shared/token-bucket.js";
import type { TreeNode } from "../../shared/tree.js";
import type { Grant, SliceReport } from "../core/work.js";
import { isAdmitted, roomFor } from "./admission.js";
import { Grants } from "./grants.js";
import type { ReducedSlice, SliceOptions, WeightsVersion } from "./slice.js";
import type { Claim, StepBeginning } from "./step-partials.js";
import { admissionOf, TicketGate } from "./tickets.js";
import { type Arrival, PartialAssembly } from "./upload.js";
import type { Comparison } from "./watched-nodes.js";
import { type EncodedVersion, VersionEncoder, WeightsReader } from "./weights-reader.js";

/** A slice's run and generation, and what all slices of a run have in common. */
export interface SliceIdentity extends SliceOptions {
  readonly run: string;
  readonly generation: number;
  /** Streams need a ticket sealed with it. Default: they need none. */
  readonly ticketSecret?: Uint8Array;
}

/** What the server tells its thread. */
export interface SliceEvents {
  loaded(): void;
  whole(step: number, report: SliceReport): void;
  compared(step: number, comparison: Comparison): void;
  traffic(bytesIn: number, bytesOut: number): void;
  refused(reason: AckStatus): void;
}

/** A version, and its bytes while anybody sends them. */
interface Current {
  readonly version: WeightsVersion;
  readonly exact: boolean;
  encoded?: EncodedVersion;
}

export class SliceServer {
  readonly #slice: ReducedSlice;
  readonly #identity: SliceIdentity;
  readonly #events: SliceEvents;
  readonly #clock: Clock;
  readonly #readers = new Map<WeightsReader, WeightsCall>();
  readonly #encoder: VersionEncoder;
  /** The slice's, as readers get it. */
  #current: Current | undefined;
  readonly #assemblies = new Map<PartialAssembly, UploadCall>();
  /** Uploads that wait for a step, or for room. */
  readonly #waiters = new Set<() => void>();
  readonly #gate: TicketGate | null;
  readonly #grants: Grants | null;
  /** Those that are open, by their worker's admission. */
  readonly #calls = new Map<number, Set<UploadCall | WeightsCall>>();

  constructor(slice: ReducedSlice, identity: SliceIdentity, events: SliceEvents, clock: Clock = realClock) {
    this.#clock = clock;
    this.#slice = slice;
    this.#identity = identity;
    this.#encoder = new VersionEncoder(
      { generation: identity.generation, slice: slice.range.slice },
      slice.vectors,
    );
    this.#events = events;
    const { run, generation, ticketSecret } = identity;
    this.#gate =
      ticketSecret === undefined ? null : new TicketGate({ run, generation, secret: ticketSecret });
    this.#grants = this.#gate === null ? null : new Grants();
  }

  /** Returns the port. `tls`: default plain text. Errors: USAGE when the port is taken. */
  listen(
    listener: TensorListener,
    host: string,
    port: number,
    tls: ServerFiles | null = null,
  ): Promise<number> {
    const handlers = {
      upload: (call: UploadCall) => {
        if (this.#isAdmitted(call)) void this.#upload(call);
      },
      weights: (call: WeightsCall) => {
        if (this.#isAdmitted(call)) this.#weights(call);
      },
    };
    const receiveWindowBytes = reducerWindowBytes(this.#identity.lanes);
    return listener.listen(handlers, { host, port, receiveWindowBytes, tls });
  }

  /** A worker has come: counted up over the generation. */
  admit(admission: number): void {
    this.#gate?.admit(admission);
  }

  /** A worker has left: its streams end. */
  dismiss(admission: number): void {
    this.#gate?.dismiss(admission);
    this.#refuseRest(admission);
    for (const call of this.#calls.get(admission) ?? []) this.#isAdmitted(call);
  }

  /** What it had sent half of is refused, and needs no memory any more. */
  #refuseRest(admission: number): void {
    for (const [assembly, { credentials }] of this.#assemblies) {
      if (!assembly.isHalf || admissionOf(credentials.ticket) !== admission) continue;
      assembly.forget();
      this.#events.refused("STALE");
    }
    this.#wakeUploads();
  }

  /** Whoever has no valid ticket is refused. */
  #isAdmitted(call: UploadCall | WeightsCall): boolean {
    const refusal = this.#gate?.refusal(call.credentials) ?? null;
    if (refusal !== null) {
      call.refuse(refusal, status.UNAUTHENTICATED);
      return false;
    }
    if (this.#gate !== null) this.#keep(call);
    return true;
  }

  #keep(call: UploadCall | WeightsCall): void {
    const admission = admissionOf(call.credentials.ticket);
    const calls = this.#calls.get(admission) ?? new Set();
    this.#calls.set(admission, calls.add(call));
    const [oldest] = calls;
    if (calls.size > limits.tensorStreams) oldest?.cut();
    call.onOver(() => {
      calls.delete(call);
      if (calls.size === 0) this.#calls.delete(admission);
    });
  }

  /** It may send this from now on. */
  grant(worker: string, grant: Grant): void {
    this.#grants?.give(worker, grant);
    this.#wakeUploads();
  }

  /** Streams that get new versions. */
  get readers(): number {
    return this.#readers.size;
  }

  /** The slice takes partials of a step, or of another attempt at it: uploads that came early go on. */
  begin(beginning: StepBeginning): void {
    this.#slice.begin(beginning);
    this.#grants?.begin(beginning.step, beginning.attempt, beginning.present);
    for (const { underWay, forget } of this.#partials()) if (!this.#isWanted(underWay)) forget();
    this.#wakeUploads();
  }

  #wakeUploads(): void {
    for (const wake of this.#waiters) wake();
  }

  /** `exact`: as float32 on any wire. */
  broadcast(version: WeightsVersion, exact: boolean): void {
    this.#current = { version, exact };
    this.#cutSlowest();
    for (const reader of this.#readers.keys()) reader.offer(this.#encoded(version));
  }

  /** Each version that is still being sent takes up a vector: of too many, whoever is at the oldest is cut off. */
  #cutSlowest(): void {
    const oldest = (versions: Iterable<number>) => [...new Set(versions)].sort((a, b) => a - b);
    const sending = () => oldest([...this.#readers.keys()].flatMap(({ sending }) => sending ?? []));
    const kept = Math.max(limits.versionsMin, roomFor(this.#slice.length));
    const slow = sending().slice(0, -kept);
    for (const [reader, call] of this.#readers) {
      if (reader.sending !== undefined && slow.includes(reader.sending)) call.cut();
    }
  }

  /** A worker reads one stream. */
  #endFormerReader({ credentials }: WeightsCall): void {
    if (this.#gate === null) return;
    for (const call of this.#readers.values()) {
      if (call.credentials.worker === credentials.worker) call.cut();
    }
  }

  /** The slice's version; what nobody broadcast is exact. */
  #encoded(version: WeightsVersion): EncodedVersion {
    if (this.#current?.version !== version) this.#current = { version, exact: true };
    const current = this.#current;
    const { wire = "float32" } = this.#identity;
    if (current.encoded === undefined || current.encoded.isGone)
      current.encoded = this.#encoder.encode(version, current.exact ? "float32" : wire);
    return current.encoded;
  }

  /** One worker's partials, in order. Malformed input ends the stream with a status; the worker opens another. */
  async #upload(call: UploadCall): Promise<void> {
    const { wire = "float32" } = this.#identity;
    const assembly = new PartialAssembly(wire, this.#slice.vectors);
    this.#assemblies.set(assembly, call);
    const pace = new TokenBucket(this.#clock, limits.uploadMessages);
    let callOff = (): void => undefined;
    try {
      for await (const message of call.messages()) {
        await pace.next();
        const chunk = checked(message);
        this.#checkSender(call, chunk);
        this.#events.traffic(chunk.data.byteLength, 0);
        if (assembly.isFirst(chunk)) {
          await this.#untilStep(call, chunk);
          // No pause between the last look and the vector that is taken: others look at the same room.
          const leftMs = countdown(this.#clock, limits.admissionMs);
          while (!this.#isRoomFor(chunk) && leftMs() > 0 && !call.isOver)
            await this.#nextChange(call, leftMs());
          this.#endOthersOf(chunk.worker, assembly);
          callOff();
          callOff = this.#clock.after(this.#uploadMs, () => this.#cut(call, assembly));
        }
        const arrival = assembly.take(chunk, (first) => this.#isWanted(first));
        if (arrival === null) continue;
        callOff();
        await this.#acknowledge(call, arrival);
      }
      call.end();
    } catch (error) {
      call.refuse(error instanceof Error ? error.message : String(error));
    } finally {
      callOff();
      this.#assemblies.delete(assembly);
      assembly.abandon();
      this.#wakeUploads();
    }
  }

  /** For a partial from its first chunk on: at least the pace of a poor line. */
  get #uploadMs(): number {
    return limits.tensorSilenceMs + (4_000 * this.#slice.length) / limits.slowestBytesPerSecond;
  }

  /** It holds memory, and others up. */
  #cut(call: UploadCall, assembly: PartialAssembly): void {
    assembly.abandon();
    call.cut();
    this.#wakeUploads();
  }

  /** A worker sends one partial after another: on a second stream the first one is dead, or nobody's business. */
  #endOthersOf(worker: string, current: PartialAssembly): void {
    if (this.#gate === null) return;
    for (const [assembly, call] of this.#assemblies) {
      if (assembly !== current && assembly.underWay?.worker === worker) this.#cut(call, assembly);
    }
  }

  /** Those that have a vector here. */
  #partials(): { readonly underWay: UploadChunk; readonly forget: () => void }[] {
    return [...this.#assemblies.keys()].flatMap((assembly) =>
      assembly.underWay === undefined ? [] : { underWay: assembly.underWay, forget: () => assembly.forget() },
    );
  }

  /** A worker sends in its own name. */
  #checkSender({ credentials }: UploadCall, { worker }: UploadChunk): void {
    if (this.#gate !== null && credentials.worker !== worker)
      throw new Error(`a partial of ${worker} on a stream of ${credentials.worker}`);
  }

  /** A worker may be faster than the message that begins the step here; it waits, with a deadline. */
  async #untilStep(call: UploadCall, chunk: UploadChunk): Promise<void> {
    if (!this.#isOurs(chunk)) return;
    // What it is granted was posted before it was asked: it is at most one round of the event loop away.
    if (chunk.kind === "AUDIT" || !this.#isGranted(chunk)) await this.#clock.sleep(0);
    if (chunk.kind === "INITIAL") return;
    const leftMs = countdown(this.#clock, limits.stepDeadlineMinMs);
    while (this.#isEarly(chunk) && leftMs() > 0 && !call.isOver) await this.#nextChange(call, leftMs());
  }

  /** There is memory for a partial that will be added; what will not be needs none. */
  #isRoomFor(chunk: UploadChunk): boolean {
    if (chunk.kind !== "GRADIENT" || !this.#isWanted(chunk)) return true;
    const underWay = this.#partials().map((partial) => nodeOf(partial.underWay));
    const { kept, present } = this.#slice.occupancy;
    return isAdmitted(nodeOf(chunk), { kept, present, underWay }, roomFor(this.#slice.length));
  }

  #isEarly({ step, attempt }: UploadChunk): boolean {
    return step > this.#slice.step || (step === this.#slice.step && attempt > this.#slice.attempt);
  }

  /** Until a step begins or a partial is settled, the stream is gone, or the time is over. Leaves nothing behind. */
  #nextChange(call: UploadCall, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        callOff();
        forget();
        this.#waiters.delete(wake);
        resolve();
      };
      const callOff = this.#clock.after(withinMs, wake);
      const forget = call.onOver(wake);
      this.#waiters.add(wake);
    });
  }

  #isOurs(chunk: UploadChunk): boolean {
    const { run, generation } = this.#identity;
    return chunk.run === run && chunk.generation === generation && chunk.slice === this.#slice.range.slice;
  }

  /** Where streams need no ticket, nobody knows who sends. */
  #isGranted(chunk: UploadChunk): boolean {
    if (this.#grants === null) return true;
    const claim = claimOf(chunk);
    return claim === null ? this.#grants.mayInitialise(chunk.worker) : this.#grants.allows(claim);
  }

  #isWanted(chunk: UploadChunk): boolean {
    if (!this.#isOurs(chunk) || !this.#isGranted(chunk)) return false;
    const claim = claimOf(chunk);
    return claim === null ? this.#slice.version === undefined : this.#slice.judge(claim) === "wanted";
  }

  /** Nothing more is read until the answer is on its way: whoever reads none gets no memory for them. */
  #acknowledge(call: UploadCall, arrival: Arrival): Promise<void> {
    const { chunk } = arrival;
    const status = this.#settle(arrival);
    if (status !== "ACCEPTED") this.#events.refused(status);
    this.#wakeUploads();
    const { step, slice, beginLane, endLane } = chunk;
    return call.acknowledge({ step, slice, beginLane, endLane, status });
  }

  #settle(arrival: Arrival): AckStatus {
    const { chunk } = arrival;
    if (arrival.tag === "corrupt") return "CORRUPT";
    if (!this.#isOurs(chunk) || !this.#isGranted(chunk)) return "STALE";
    const claim = claimOf(chunk);
    if (claim === null) return this.#load(arrival);
    // What nobody wanted at its first chunk is not here, even if somebody wants it by now.
    if (arrival.tag === "unwanted") return this.#slice.judge(claim) === "dropped" ? "DROPPED" : "STALE";
    const { verdict, report, comparison } = this.#slice.take(claim, arrival.values);
    if (report !== null) this.#events.whole(chunk.step, report);
    if (comparison !== null) this.#events.compared(chunk.step, comparison);
    return statusOf[verdict];
  }

  #load(arrival: Arrival): AckStatus {
    if (arrival.tag !== "whole" || !this.#slice.load(arrival.values)) return "DROPPED";
    this.#events.loaded();
    if (this.#slice.version !== undefined) this.broadcast(this.#slice.version, true);
    return "ACCEPTED";
  }

  #weights(call: WeightsCall): void {
    const request = WeightsRequest.safeParse(call.request);
    const { run, generation } = this.#identity;
    if (!request.success || request.data.run !== run || request.data.generation !== generation) {
      return call.refuse("weights of another run or generation were asked for");
    }
    this.#endFormerReader(call);
    const reader = new WeightsReader(call, (bytes) => this.#events.traffic(0, bytes));
    this.#readers.set(reader, call);
    call.onOver(() => this.#readers.delete(reader));
    if (this.#slice.version !== undefined) reader.offer(this.#encoded(this.#slice.version));
  }
}

const statusOf = { wanted: "ACCEPTED", dropped: "DROPPED", stale: "STALE" } as const;

function countdown(clock: Clock, ms: number): () => number {
  const endMs = clock.nowMs() + ms;
  return () => endMs - clock.nowMs();
}

const nodeOf = ({ beginLane, endLane }: UploadChunk): TreeNode => ({ begin: beginLane, end: endLane });

/** Null: the initial parameters, which belong to no step. */
function claimOf(chunk: UploadChunk): Claim | null {
  const { kind, step, attempt, worker } = chunk;
  return kind === "INITIAL" ? null : { kind, step, attempt, worker, node: nodeOf(chunk) };
}

/** Throws a sentence that names the fields that are wrong. */
function checked(message: unknown): UploadChunk {
  const chunk = UploadChunk.safeParse(message);
  if (chunk.success) return chunk.data;
  const wrong = chunk.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`a chunk that is not of this protocol: ${wrong.join("; ")}`);
}
