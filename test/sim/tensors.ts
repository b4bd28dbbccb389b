/**
 * The worker's tensor streams over the simulated network: the contract of worker/weights and worker/partials, against
 * the real slice servers. One chunk a partial and a version: vectors are small here.
 */
import { crc32c } from "../../shared/crc32c.js";
import { asTrainyardError, TrainyardError } from "../../shared/errors.js";
import type { SliceEndpoint } from "../../shared/grpc/control-messages.js";
import { UploadAck, WeightsChunk } from "../../shared/grpc/tensor-messages.js";
import { decodeInto, encodeVector, wireOf, wireOfEncoding } from "../../shared/grpc/wire.js";
import { limits } from "../../shared/limits.js";
import type { TreeNode } from "../../shared/tree.js";
import type { PartialsSink, WeightsSource } from "../../worker/dependencies.js";
import type { PartialSenderOptions } from "../../worker/gradient-upload.js";
import type { StepAttempt } from "../../worker/step-watermark.js";
import type { Weights, WeightsOptions } from "../../worker/weights-receiver.js";
import type { End, Network } from "./network.js";
import type { SimProcess } from "./process.js";

interface Waiter {
  readonly step: number;
  resolve(weights: Weights): void;
  reject(error: Error): void;
}

export class SimWeights implements WeightsSource {
  readonly #options: WeightsOptions;
  readonly #process: SimProcess;
  readonly #ends: End[];
  /** The newest version of each slice. */
  readonly #newest = new Map<number, { step: number; values: Float32Array; exact: boolean }>();
  #waiters: Waiter[] = [];
  #callOffSilence: () => void = () => undefined;
  #broken: Error | undefined;

  constructor(network: Network, process: SimProcess, options: WeightsOptions) {
    this.#options = options;
    this.#process = process;
    const { run, generation } = options;
    this.#ends = options.slices.map((slice) => {
      const { worker = "", ticket = "" } = options;
      const request = { run, generation, slice: slice.slice, credentials: { worker, ticket } };
      const end = network.connect(process, `${options.host}:${slice.port}`, "weights", request);
      end.onMessage = (message) => this.#take(slice, message);
      end.onEnd = (error) =>
        this.#fail(asTrainyardError(error ?? new Error("the coordinator ended the weights"), "UNREACHABLE"));
      return end;
    });
  }

  /** Vectors that it holds: for the bound on memory. */
  get held(): number {
    return this.#newest.size;
  }

  at(step: number): Promise<Weights> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ step, resolve, reject });
      this.#serve();
    });
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the weights stream was closed"));
  }

  #take(slice: SliceEndpoint, message: unknown): void {
    if (this.#broken !== undefined) return;
    const parsed = WeightsChunk.safeParse(message);
    if (!parsed.success) return this.#fail(new TrainyardError("DAMAGED", JSON.stringify(message)));
    const { step, data, crc32c: expected, encoding } = parsed.data;
    if (crc32c(data) !== expected) return this.#fail(new TrainyardError("DAMAGED", "weights differ"));
    const isNewer = [...this.#newest.values()].every((newest) => newest.step < step);
    if (isNewer) this.#options.onVersion?.(step);
    const wire = wireOfEncoding(encoding);
    const values = new Float32Array(slice.end - slice.begin);
    decodeInto(values, 0, data, wire);
    this.#newest.set(slice.slice, { step, values, exact: wire === "float32" });
    this.#serve();
  }

  #serve(): void {
    const { slices } = this.#options;
    const steps = slices.map(({ slice }) => this.#newest.get(slice)?.step ?? -1);
    const newest = Math.max(...steps);
    const whole = steps.every((step) => step === newest) ? newest : -1;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.step > newest || (waiter.step === newest && whole < 0));
    for (const waiter of waiters) {
      if (waiter.step === whole)
        waiter.resolve({
          step: whole,
          parameters: this.#joined(),
          exact: [...this.#newest.values()].every(({ exact }) => exact),
          release: () => {},
        });
      else if (waiter.step < newest)
        waiter.reject(new TrainyardError("INTERRUPTED", `step ${waiter.step} is over`));
    }
    this.#watchSilence();
  }

  #joined(): Float32Array {
    const { slices } = this.#options;
    const whole = new Float32Array(slices.reduce((most, slice) => Math.max(most, slice.end), 0));
    for (const { slice, begin } of slices) {
      whole.set((this.#newest.get(slice) as { values: Float32Array }).values, begin);
    }
    return whole;
  }

  #watchSilence(): void {
    this.#callOffSilence();
    if (this.#waiters.length === 0) return;
    const late = new TrainyardError("UNREACHABLE", "no weights came");
    this.#callOffSilence = this.#process.clock.after(limits.tensorSilenceMs, () => this.#fail(late));
  }

  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#callOffSilence();
    for (const end of this.#ends) end.abort();
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    this.#options.onBroken(error);
  }
}

/** A partial as its chunk describes it. */
interface Upload {
  readonly at: StepAttempt;
  readonly node: TreeNode;
  readonly kind: "GRADIENT" | "INITIAL" | "AUDIT";
}

export class SimPartials implements PartialsSink {
  readonly #streams: SliceStream[];

  constructor(network: Network, process: SimProcess, options: PartialSenderOptions) {
    this.#streams = options.slices.map((slice) => new SliceStream(network, process, options, slice));
  }

  send(at: StepAttempt, node: TreeNode, vector: Float32Array): Promise<void> {
    return this.#toAll({ at, node, kind: "GRADIENT" }, vector);
  }

  sendAudit(at: StepAttempt, node: TreeNode, vector: Float32Array): Promise<void> {
    return this.#toAll({ at, node, kind: "AUDIT" }, vector);
  }

  sendInitial(vector: Float32Array): Promise<void> {
    const at = { step: 0, attempt: 0 };
    return this.#toAll({ at, node: { begin: 0, end: 1 }, kind: "INITIAL" }, vector);
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }

  async #toAll(upload: Upload, vector: Float32Array): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.send(upload, vector)));
  }
}

class SliceStream {
  readonly #options: PartialSenderOptions;
  readonly #slice: SliceEndpoint;
  readonly #process: SimProcess;
  readonly #end: End;
  #queue: Promise<void> = Promise.resolve();
  #waiting: { resolve(ack: UploadAck): void; reject(error: Error): void } | undefined;
  #broken: Error | undefined;

  constructor(network: Network, process: SimProcess, options: PartialSenderOptions, slice: SliceEndpoint) {
    this.#options = options;
    this.#slice = slice;
    this.#process = process;
    this.#end = network.connect(process, `${options.host}:${slice.port}`, "upload", {
      credentials: { worker: options.worker, ticket: options.ticket ?? "" },
    });
    this.#end.onMessage = (message) => {
      const ack = UploadAck.safeParse(message);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (ack.success && waiting !== undefined) return waiting.resolve(ack.data);
      this.#fail(new TrainyardError("DAMAGED", `an answer to nothing: ${JSON.stringify(message)}`));
    };
    this.#end.onEnd = (error) =>
      this.#fail(asTrainyardError(error ?? new Error("the coordinator ended the upload"), "UNREACHABLE"));
  }

  send(upload: Upload, vector: Float32Array): Promise<void> {
    const wire = wireOf(upload.kind, this.#options.wire ?? "float32");
    const data = Buffer.from(encodeVector(vector.subarray(this.#slice.begin, this.#slice.end), wire));
    const sent = this.#queue.then(() => this.#sendUntilWhole(upload, data));
    this.#queue = sent.catch(() => undefined);
    return sent;
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the upload was closed"));
  }

  async #sendUntilWhole(upload: Upload, data: Buffer): Promise<void> {
    const { at, kind } = upload;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const isOver = kind !== "INITIAL" && this.#options.isOver?.(at) === true;
      const status = isOver ? "STALE" : (await this.#exchange(upload, data)).status;
      if (status === "STALE") throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
      if (status !== "CORRUPT") return;
    }
    throw new TrainyardError("DAMAGED", "a partial arrived corrupt three times");
  }

  async #exchange({ at, node, kind }: Upload, data: Buffer): Promise<UploadAck> {
    if (this.#broken !== undefined) throw this.#broken;
    const answer = new Promise<UploadAck>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    const { run, generation, worker } = this.#options;
    this.#end.send({
      run,
      generation,
      worker,
      ...at,
      beginLane: node.begin,
      endLane: node.end,
      kind,
      slice: this.#slice.slice,
      offset: 0,
      data,
      crc32c: crc32c(data),
    });
    const late = new TrainyardError("UNREACHABLE", `slice ${this.#slice.slice} took nothing`);
    const callOff = this.#process.clock.after(limits.tensorSilenceMs, () => this.#fail(late));
    try {
      return await answer;
    } finally {
      callOff();
    }
  }

  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#end.abort();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#options.onBroken(error);
  }
}
