/** The main thread's side of all reducers: starts the threads, passes decisions down and reports up. */
import { Worker } from "node:worker_threads";
import { type Clock, realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import type { SliceEndpoint } from "../../shared/grpc/control-messages.js";
import { limits } from "../../shared/limits.js";
import type { ServerFiles } from "../../shared/security/tls-files.js";
import type { Watched } from "../../shared/security/watched-files.js";
import type { TreeNode } from "../../shared/tree.js";
import type { CoreEvent } from "../core/events.js";
import type { Grant } from "../core/work.js";
import type { OptimizerVectors } from "../optimizers/optimizer.js";
import type { OptimizerStep } from "../optimizers/registry.js";
import type { FromReducer, ReducerOptions, ToReducer } from "./messages.js";
import type { SliceIdentity } from "./server.js";
import { checkSlicesFit, cutSlices, type SliceRange } from "./slices.js";
import type { StepBeginning } from "./step-partials.js";

/** What the pool needs of a reducer's thread. */
export interface ReducerThread {
  postMessage(message: ToReducer): void;
  on(event: "message", hear: (message: FromReducer) => void): unknown;
  on(event: "error", hear: (error: Error) => void): unknown;
  on(event: "exit", hear: () => void): unknown;
  terminate(): Promise<unknown>;
  /** Milliseconds in which its event loop did not wait; emulated threads have none. */
  readonly performance?: { eventLoopUtilization(): { readonly active: number } };
}

const startRealThread = (workerData: ReducerOptions): ReducerThread =>
  new Worker(new URL("./thread.js", import.meta.url), { workerData });

export interface PoolOptions {
  readonly identity: SliceIdentity;
  readonly parameterCount: number;
  readonly reducers: number;
  /** Share of the nodes that a second worker sums too. Default: none. */
  readonly audit?: number;
  readonly host: string;
  /** Reducer r listens on port + r; 0 = any free ports. */
  readonly port: number;
  /** The slices' certificate. Default: plain text. */
  readonly tls?: Watched<ServerFiles> | null;
  readonly onEvent: (event: CoreEvent) => void;
  readonly onTraffic: (bytesIn: number, bytesOut: number) => void;
  readonly onRefused: (reason: string) => void;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Default: a thread of this process. */
  readonly startThread?: (options: ReducerOptions) => ReducerThread;
}

/** Whole vectors of one commit: float32 [parameterCount] each. */
export type WholeVectors = OptimizerVectors;

/** Copies, until `release` is called, once: then their memory is the next snapshot's. */
export interface VectorSnapshot extends WholeVectors {
  release(): void;
}

/** A snapshot under way. */
interface Snapshot {
  /** A slice has copied its part. */
  take(): void;
  reject(error: Error): void;
}

export class ReducerPool {
  readonly #options: PoolOptions;
  readonly #ranges: SliceRange[];
  readonly #threads: ReducerThread[] = [];
  readonly #clock: Clock;
  readonly #snapshots = new Map<number, Snapshot>();
  #lastSnapshot = 0;
  /** Vectors of a released snapshot, to be used for the next one. */
  #spare: WholeVectors | undefined;
  readonly #forgetTls: () => void;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const renew = (files: ServerFiles) => this.#all({ tag: "certificate", files });
    this.#forgetTls = options.tls?.onChange(renew) ?? (() => undefined);
    this.#clock = options.clock ?? realClock;
    this.#ranges = cutSlices(options.parameterCount, options.reducers);
  }

  /**
   * Starts every thread; their endpoints in slice order. Errors: USAGE when a port is taken, or when there are too few
   * reducers for so many parameters.
   */
  async start(): Promise<SliceEndpoint[]> {
    const { parameterCount, reducers, identity, audit = 0 } = this.#options;
    checkSlicesFit(parameterCount, reducers, { ...identity, audit });
    const ports = await Promise.all(this.#ranges.map((range) => this.#startThread(range)));
    return this.#ranges.map((range, index) => ({ ...range, port: ports[index] as number }));
  }

  /**
   * Puts a checkpoint's vectors (of `sharedVector`, owned from here on) into the slices as the weights version `step`. A
   * snapshot may use them again at once: every port keeps order, and no slice touches another's part.
   */
  restore(step: number, { weights, moments }: WholeVectors): void {
    const whole = { weights, moments };
    this.#all({ tag: "restore", step, whole });
    this.#spare = whole;
  }

  begin({ step, attempt, present, banned }: StepBeginning): void {
    this.#all({ tag: "begin", step, attempt, present, banned });
  }

  /** Tickets of this number are valid from now on. Numbers count up over the generation. */
  admit(admission: number): void {
    this.#all({ tag: "admit", admission });
  }

  /** Tickets of this number are not valid any more, and streams opened with them end. */
  dismiss(admission: number): void {
    this.#all({ tag: "dismiss", admission });
  }

  grant(worker: string, grant: Grant): void {
    this.#all({ tag: "grant", worker, grant });
  }

  watch(step: number, node: TreeNode): void {
    this.#all({ tag: "watch", step, node });
  }

  findMissingLanes(step: number, attempt: number): void {
    this.#all({ tag: "findMissingLanes", step, attempt });
  }

  /** `exact`: the weights that follow go out as float32 on any wire. */
  apply(step: number, update: OptimizerStep, exact: boolean): void {
    this.#all({ tag: "apply", step, update, exact });
  }

  skip(step: number, exact: boolean): void {
    this.#all({ tag: "skip", step, exact });
  }

  /**
   * The vectors as of the last decision that was passed down; ports keep order, so later steps don't mix in. Errors:
   * FAILED when a reducer died or did not answer, or when a value is not finite.
   */
  snapshot(): Promise<VectorSnapshot> {
    this.#lastSnapshot += 1;
    const id = this.#lastSnapshot;
    const whole = this.#spare ?? this.#sharedVectors();
    this.#spare = undefined;
    const release = () => {
      this.#spare = whole;
    };
    const snapshot = new Promise<VectorSnapshot>((resolve, reject) => {
      let missing = this.#ranges.length;
      const late = new TrainyardError("FAILED", "the reducers did not hand out their vectors");
      const callOff = this.#clock.after(limits.storeCallMs, () => reject(late));
      const settle = (settled: () => void) => {
        callOff();
        this.#snapshots.delete(id);
        settled();
      };
      const take = () => {
        missing -= 1;
        if (missing === 0) settle(() => resolve({ ...whole, release }));
      };
      this.#snapshots.set(id, { take, reject: (error) => settle(() => reject(error)) });
      this.#all({ tag: "snapshot", id, whole });
    });
    snapshot.catch(() => undefined); // the caller may await it much later
    return snapshot;
  }

  /** Elements per slice, to join their checksums. */
  get lengths(): number[] {
    return this.#ranges.map((range) => range.end - range.begin);
  }

  /** Seconds in which the reducers' event loops were busy since they started, all threads together. */
  get busySeconds(): number {
    const busyMs = this.#threads.map((thread) => thread.performance?.eventLoopUtilization().active ?? 0);
    return busyMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forgetTls();
    this.#all({ tag: "close" });
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #sharedVectors(): WholeVectors {
    const { parameterCount, identity } = this.#options;
    const moments = Array.from({ length: identity.momentVectors }, () => sharedVector(parameterCount));
    return { weights: sharedVector(parameterCount), moments };
  }

  #all(message: ToReducer): void {
    for (const thread of this.#threads) thread.postMessage(message);
  }

  #startThread(range: SliceRange): Promise<number> {
    const { identity, host, port, tls = null, startThread = startRealThread } = this.#options;
    const workerData: ReducerOptions = {
      range,
      identity,
      host,
      port: port === 0 ? 0 : port + range.slice,
      tls: tls?.current ?? null,
    };
    const thread = startThread(workerData);
    this.#threads[range.slice] = thread;
    return new Promise((resolve, reject) => {
      const seconds = limits.reducerStartMs / 1000;
      const late = new TrainyardError("FAILED", `reducer ${range.slice} did not start within ${seconds} s`);
      const callOff = this.#clock.after(limits.reducerStartMs, () => reject(late));
      const fail = (message: string) => {
        callOff();
        const error = new TrainyardError("FAILED", message);
        reject(error);
        for (const snapshot of [...this.#snapshots.values()]) snapshot.reject(error);
        this.#options.onEvent({ tag: "fatal", message });
      };
      thread.on("error", (error) => fail(`reducer ${range.slice} died: ${error.message}`));
      thread.on("exit", () => {
        if (!this.#isClosed) fail(`reducer ${range.slice} ended by itself`);
      });
      thread.on("message", (message: FromReducer) => {
        if (message.tag === "listening") {
          callOff();
          resolve(message.port);
        } else if (message.tag === "broken") {
          fail(`reducer ${range.slice}: ${message.message}`);
        } else {
          this.#hear(range.slice, message);
        }
      });
    });
  }

  #takeSnapshot(slice: number, { id, hasNonFinite }: Extract<FromReducer, { tag: "snapshot" }>): void {
    const snapshot = this.#snapshots.get(id);
    if (!hasNonFinite) return snapshot?.take();
    const sentence = `weights or moments of slice ${slice} are not finite: nothing could go on from them`;
    snapshot?.reject(new TrainyardError("FAILED", sentence));
  }

  #hear(slice: number, message: Exclude<FromReducer, { tag: "listening" | "broken" }>): void {
    switch (message.tag) {
      case "loaded":
        return this.#options.onEvent({ tag: "sliceLoaded", slice });
      case "whole":
        return this.#options.onEvent({
          tag: "sliceWhole",
          slice,
          step: message.step,
          report: message.report,
        });
      case "committed":
        return this.#options.onEvent({
          tag: "sliceCommitted",
          slice,
          step: message.step,
          checksum: message.checksum,
        });
      case "lacks": {
        const { tag: _, ...lack } = message;
        return this.#options.onEvent({ tag: "sliceLacks", slice, ...lack });
      }
      case "compared": {
        const { tag: _, ...comparison } = message;
        return this.#options.onEvent({ tag: "sliceCompared", slice, ...comparison });
      }
      case "snapshot":
        return this.#takeSnapshot(slice, message);
      case "traffic":
        return this.#options.onTraffic(message.bytesIn, message.bytesOut);
      case "refused":
        return this.#options.onRefused(message.reason);
    }
  }
}

/** Zeros that every thread can read and write. */
export const sharedVector = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4));
