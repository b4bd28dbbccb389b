/**
 * Receives weights: one stream per slice, put together to whole versions in shared memory, so that the engine's thread
 * reads them without a copy. At most three vectors exist: one in use, the newest whole one, one arriving.
 */
import { type Clock, realClock } from "../shared/clock.js";
import { crc32c } from "../shared/crc32c.js";
import { asTrainyardError, invariant, TrainyardError } from "../shared/errors.js";
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import { accessOf, type IncomingStream, TensorConnection } from "../shared/grpc/tensor-client.js";
import { WeightsChunk } from "../shared/grpc/tensor-messages.js";
import { bytesPerElement, decodeInto, wireOfEncoding } from "../shared/grpc/wire.js";
import { limits } from "../shared/limits.js";
import type { ClientSecurity } from "../shared/security/client-security.js";

/** A version of the weights, whole. Its memory is valid until `release` is called, once. */
export interface Weights {
  readonly step: number;
  /** float32 [parameterCount], in shared memory. */
  readonly parameters: Float32Array;
  /** False when the weights were rounded to bfloat16 on their way. */
  readonly exact: boolean;
  release(): void;
}

/** The newest version that any slice began to send. */
interface Arriving {
  readonly step: number;
  readonly parameters: Float32Array;
  /** Per slice: elements received, and the CRC-32C of their bytes. */
  readonly received: number[];
  readonly checksums: number[];
  exact: boolean;
}

interface Waiter {
  readonly step: number;
  resolve(weights: Weights): void;
  reject(error: Error): void;
}

export interface WeightsOptions {
  /** Default: the real one. */
  readonly clock?: Clock;
  /** The worker's id, and the ticket that every stream shows. Default: none. */
  readonly worker?: string;
  readonly ticket?: string;
  /** Default: plain text. */
  readonly security?: ClientSecurity;
  /** The coordinator's host; each slice names its port. */
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  /** Default: limits.tensorSilenceMs. */
  readonly silenceMs?: number;
  /** Called when a version newer than all before begins to arrive: the steps before it are committed. */
  readonly onVersion?: (step: number) => void;
  /** Called with the size of each chunk that arrives. */
  readonly onBytes: (bytes: number) => void;
  /** Called once, when a stream broke or was closed. */
  readonly onBroken: (error: Error) => void;
}

const isOver = (step: number) => new TrainyardError("INTERRUPTED", `step ${step} is over`);

export class WeightsReceiver {
  readonly #options: WeightsOptions;
  readonly #parameterCount: number;
  readonly #connections: TensorConnection[] = [];
  readonly #streams: IncomingStream[] = [];
  readonly #free: Float32Array[] = [];
  #arriving: Arriving | undefined;
  #whole: { step: number; parameters: Float32Array; exact: boolean; users: number } | undefined;
  #waiters: Waiter[] = [];
  #callOffSilence: () => void = () => undefined;
  #broken: Error | undefined;

  constructor(options: WeightsOptions) {
    this.#options = options;
    this.#parameterCount = options.slices.reduce((most, slice) => Math.max(most, slice.end), 0);
    for (const slice of options.slices) this.#subscribe(slice);
  }

  /**
   * Resolves with the version of this number. The coordinator has it when it asks for work on it, so it comes. Errors: INTERRUPTED when a
   * newer one is here, UNREACHABLE when a stream broke or nothing came for `silenceMs`, DAMAGED.
   */
  at(step: number): Promise<Weights> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#whole?.step === step) return Promise.resolve(this.#use());
    if (this.#whole !== undefined && this.#whole.step > step) return Promise.reject(isOver(step));
    return new Promise((resolve, reject) => {
      this.#waiters.push({ step, resolve, reject });
      this.#watchSilence();
    });
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the weights stream was closed"));
    for (const connection of this.#connections) connection.close();
  }

  #subscribe(slice: SliceEndpoint): void {
    const { host, run, generation } = this.#options;
    const connection = new TensorConnection(`${host}:${slice.port}`, accessOf(this.#options));
    const stream = connection.weights({ run, generation, slice: slice.slice });
    this.#connections.push(connection);
    this.#streams.push(stream);
    void this.#read(slice, stream);
  }

  /** Reads until the stream is over, which breaks whatever waits for weights. */
  async #read(slice: SliceEndpoint, stream: IncomingStream): Promise<void> {
    try {
      for await (const message of stream.messages()) this.#takeMessage(slice, message);
      this.#fail(new TrainyardError("UNREACHABLE", "the coordinator ended the weights"));
    } catch (error) {
      this.#fail(asTrainyardError(error, "UNREACHABLE"));
    }
  }

  #takeMessage(slice: SliceEndpoint, message: object): void {
    try {
      this.#take(slice, WeightsChunk.parse(message));
    } catch (error) {
      this.#fail(asTrainyardError(error, "DAMAGED"));
    }
  }

  #take(slice: SliceEndpoint, chunk: WeightsChunk): void {
    if (this.#broken !== undefined) return;
    if (chunk.generation !== this.#options.generation || chunk.slice !== slice.slice) {
      throw new TrainyardError("DAMAGED", `weights ${chunk.step} are of another generation or slice`);
    }
    this.#options.onBytes(chunk.data.byteLength);
    this.#watchSilence();
    const arriving = this.#arrivingAt(chunk.step);
    if (arriving === null) return;
    const wire = wireOfEncoding(chunk.encoding);
    const begin = slice.begin + chunk.offset;
    const count = chunk.data.byteLength / bytesPerElement(wire);
    if (chunk.offset !== arriving.received[slice.slice] || begin + count > slice.end) {
      throw new TrainyardError(
        "DAMAGED",
        `weights ${chunk.step} of slice ${slice.slice} arrived in disorder`,
      );
    }
    decodeInto(arriving.parameters, begin, chunk.data, wire);
    arriving.received[slice.slice] = chunk.offset + count;
    const checksum = crc32c(chunk.data, arriving.checksums[slice.slice]);
    arriving.checksums[slice.slice] = checksum;
    arriving.exact &&= wire === "float32";
    if (chunk.offset + count < slice.end - slice.begin) return;
    if (checksum !== chunk.crc32c) {
      throw new TrainyardError(
        "DAMAGED",
        `weights ${chunk.step} of slice ${slice.slice} differ from their CRC`,
      );
    }
    this.#completeIfWhole(arriving);
  }

  /**
   * The version that a chunk belongs to; null when that version is skipped. A slice that begins a newer version proves
   * that the step of the older one is committed. The older one is not needed any more, and its vector is used for the
   * newer. Every slice sends the newest version in the end.
   */
  #arrivingAt(step: number): Arriving | null {
    const newest = this.#arriving?.step ?? this.#whole?.step ?? -1;
    if (step === this.#arriving?.step) return this.#arriving;
    if (step <= newest) return null;
    const parameters = this.#arriving?.parameters ?? this.#freeVector();
    const nothing = () => this.#options.slices.map(() => 0);
    this.#arriving = { step, parameters, received: nothing(), checksums: nothing(), exact: true };
    this.#options.onVersion?.(step);
    return this.#arriving;
  }

  #freeVector(): Float32Array {
    return this.#free.pop() ?? new Float32Array(new SharedArrayBuffer(this.#parameterCount * 4));
  }

  #completeIfWhole({ step, parameters, received, exact }: Arriving): void {
    const isWhole = this.#options.slices.every((slice) => received[slice.slice] === slice.end - slice.begin);
    if (!isWhole) return;
    this.#arriving = undefined;
    const former = this.#whole;
    this.#whole = { step, parameters, exact, users: 0 };
    if (former !== undefined && former.users === 0) this.#free.push(former.parameters);
    this.#serve(step);
  }

  #serve(step: number): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.step > step);
    for (const waiter of waiters) {
      if (waiter.step === step) waiter.resolve(this.#use());
      else if (waiter.step < step) waiter.reject(isOver(waiter.step));
    }
    this.#watchSilence();
  }

  #use(): Weights {
    const version = this.#whole;
    invariant(version !== undefined, "weights are used once they have come");
    version.users += 1;
    return {
      step: version.step,
      parameters: version.parameters,
      exact: version.exact,
      release: () => {
        version.users -= 1;
        if (version.users === 0 && version !== this.#whole) this.#free.push(version.parameters);
      },
    };
  }

  /** Starts the time without a chunk anew. It counts only while weights are waited for. */
  #watchSilence(): void {
    this.#callOffSilence();
    if (this.#waiters.length === 0) return;
    const { clock = realClock, silenceMs = limits.tensorSilenceMs } = this.#options;
    const error = new TrainyardError("UNREACHABLE", `no weights came for ${silenceMs / 1000} s`);
    this.#callOffSilence = clock.after(silenceMs, () => this.#fail(error));
  }

  /** Ends the calls as well: closing a channel leaves its streams open. */
  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#callOffSilence();
    for (const stream of this.#streams) stream.cancel();
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    this.#options.onBroken(error);
  }
}
