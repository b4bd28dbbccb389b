/**
 * Weights coming down: one stream per slice, put together to whole versions in shared memory, so that the engine's
 * thread reads them without a copy. Two versions exist at most: one in use, one arriving; a third waits on the wire.
 */
import * as grpc from "@grpc/grpc-js";
import { crc32c } from "../shared/crc32c.js";
import { TrainyardError } from "../shared/errors.js";
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import { bytesOf } from "../shared/grpc/numbers.js";
import { channelOptions, tensorService } from "../shared/grpc/protocol.js";
import { WeightsChunk } from "../shared/grpc/tensor-messages.js";

/** A version of the whole vector. Valid until `release` is called. */
export interface Weights {
  readonly step: number;
  /** float32 [parameterCount], in shared memory. */
  readonly parameters: Float32Array;
  release(): void;
}

interface Arriving {
  readonly parameters: Float32Array;
  /** Elements received per slice. */
  readonly received: number[];
}

interface Waiter {
  readonly step: number;
  resolve(weights: Weights): void;
  reject(error: Error): void;
}

export interface WeightsOptions {
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  readonly onBytes: (bytes: number) => void;
  readonly onBroken: (error: Error) => void;
}

const isOver = (step: number) => new TrainyardError("INTERRUPTED", `step ${step} is over`);

export class WeightsReceiver {
  readonly #options: WeightsOptions;
  readonly #parameterCount: number;
  readonly #clients: grpc.Client[] = [];
  readonly #arriving = new Map<number, Arriving>();
  readonly #free: Float32Array[] = [];
  #whole: { step: number; parameters: Float32Array; users: number } | undefined;
  #waiters: Waiter[] = [];
  #broken: Error | undefined;

  constructor(options: WeightsOptions) {
    this.#options = options;
    this.#parameterCount = options.slices.reduce((most, slice) => Math.max(most, slice.end), 0);
    for (const slice of options.slices) this.#subscribe(slice);
  }

  /** The version with this number. It may take as long as the step; the coordinator watches over that. */
  at(step: number): Promise<Weights> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#whole?.step === step) return Promise.resolve(this.#use());
    if (this.#whole !== undefined && this.#whole.step > step) return Promise.reject(isOver(step));
    return new Promise((resolve, reject) => this.#waiters.push({ step, resolve, reject }));
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the weights stream was closed"));
    for (const client of this.#clients) client.close();
  }

  #subscribe(slice: SliceEndpoint): void {
    const { host, run, generation } = this.#options;
    const client = new (tensorService())(
      `${host}:${slice.port}`,
      grpc.credentials.createInsecure(),
      channelOptions,
    );
    this.#clients.push(client);
    const weights = client["weights"] as (request: object) => grpc.ClientReadableStream<unknown>;
    const stream = weights.call(client, { run, generation, slice: slice.slice });
    stream.on("data", (message: unknown) => {
      try {
        this.#take(slice, WeightsChunk.parse(message));
      } catch (error) {
        stream.cancel();
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    stream.on("error", (error: Error) => this.#fail(error));
    stream.on("end", () =>
      this.#fail(new TrainyardError("UNREACHABLE", "the coordinator ended the weights")),
    );
  }

  #take(slice: SliceEndpoint, chunk: WeightsChunk): void {
    this.#options.onBytes(chunk.data.byteLength);
    const arriving = this.#arrivingAt(chunk.step);
    const begin = slice.begin + chunk.offset;
    const count = chunk.data.byteLength / 4;
    if (chunk.offset !== arriving.received[slice.slice] || begin + count > slice.end) {
      throw new TrainyardError(
        "DAMAGED",
        `weights ${chunk.step} of slice ${slice.slice} arrived in disorder`,
      );
    }
    bytesOf(arriving.parameters).set(chunk.data, begin * 4);
    arriving.received[slice.slice] = chunk.offset + count;
    if (chunk.offset + count < slice.end - slice.begin) return;
    const whole = bytesOf(arriving.parameters.subarray(slice.begin, slice.end));
    if (crc32c(whole) !== chunk.crc32c) {
      throw new TrainyardError(
        "DAMAGED",
        `weights ${chunk.step} of slice ${slice.slice} differ from their CRC`,
      );
    }
    this.#completeIfWhole(chunk.step, arriving);
  }

  #arrivingAt(step: number): Arriving {
    const known = this.#arriving.get(step);
    if (known !== undefined) return known;
    const parameters = this.#free.pop() ?? new Float32Array(new SharedArrayBuffer(this.#parameterCount * 4));
    const arriving = { parameters, received: this.#options.slices.map(() => 0) };
    this.#arriving.set(step, arriving);
    return arriving;
  }

  #completeIfWhole(step: number, arriving: Arriving): void {
    const isWhole = this.#options.slices.every(
      (slice) => arriving.received[slice.slice] === slice.end - slice.begin,
    );
    if (!isWhole) return;
    for (const [older, { parameters }] of this.#arriving) {
      if (older < step) this.#free.push(parameters);
      if (older <= step) this.#arriving.delete(older);
    }
    const former = this.#whole;
    this.#whole = { step, parameters: arriving.parameters, users: 0 };
    if (former !== undefined && former.users === 0) this.#free.push(former.parameters);
    this.#serve(step);
  }

  #serve(step: number): void {
    const [served, waiting] = [
      this.#waiters.filter((waiter) => waiter.step === step),
      this.#waiters.filter((waiter) => waiter.step > step),
    ];
    const passed = this.#waiters.filter((waiter) => waiter.step < step);
    this.#waiters = waiting;
    for (const waiter of served) waiter.resolve(this.#use());
    for (const waiter of passed)
      waiter.reject(new TrainyardError("INTERRUPTED", `step ${waiter.step} is over`));
  }

  #use(): Weights {
    const version = this.#whole;
    if (version === undefined) throw new Error("invariant broken: weights used before they came");
    version.users += 1;
    return {
      step: version.step,
      parameters: version.parameters,
      release: () => {
        version.users -= 1;
        if (version.users === 0 && version !== this.#whole) this.#free.push(version.parameters);
      },
    };
  }

  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    this.#options.onBroken(error);
  }
}
