/**
 * A simulated object store: one set of objects, calls that take time, fail, or are away for a while. Each process has a
 * client of its own that keeps the contract of ObjectStore: repeats within one deadline, a put whole or not at all.
 */
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { drawStream, type NumberStream } from "../../shared/random.js";
import { interruption, shareSignal } from "../../shared/retry.js";
import { bodyChunks } from "../../shared/store/body.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import type {
  GetOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  SizedStream,
} from "../../shared/store/object-store.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";
import { simulatedDraws } from "./setup.js";

export interface StoreWeather {
  /** One way, drawn uniformly. */
  latencyMs: readonly [number, number];
  /** Share of requests that the store refuses, and of answers that get lost. */
  failures: number;
}

/** What all clients share. */
export class StoreServer {
  readonly objects = new Map<string, Uint8Array>();
  /** Which call made it: the client knows its own object again, as by the S3 store's token. */
  readonly makers = new Map<string, object>();
  readonly weather: StoreWeather;
  readonly network: Network;
  readonly random: NumberStream;
  isAway = false;
  /** Why nothing can be written; null: it can. */
  refusesPuts: "STORE_FULL" | "STORE_DENIED" | null = null;
  /** Requests that were carried out, by kind. */
  readonly carriedOut = { put: 0, get: 0, list: 0, stat: 0, delete: 0 };
  onGet: (process: SimProcess, key: string) => void = () => undefined;
  onPut: (process: SimProcess, key: string, bytes: Uint8Array) => void = () => undefined;
  /** An exclusive creation found another object there. */
  onRefusedPut: (process: SimProcess, key: string) => void = () => undefined;

  constructor(network: Network, seed: number, weather: StoreWeather) {
    this.network = network;
    this.weather = weather;
    this.random = drawStream(simulatedDraws, seed, 102);
  }

  latencyMs(): number {
    const [low, high] = this.weather.latencyMs;
    return this.random.nextBetween(low, high);
  }

  fails(): boolean {
    return this.weather.failures > 0 && this.random.nextFloat() < this.weather.failures;
  }
}

/** A request that has no answer yet. */
interface Call {
  readonly what: string;
  readonly sinceMs: number;
}

export class SimStore implements ObjectStore {
  readonly url = "s3://simulated";
  readonly #server: StoreServer;
  readonly #process: SimProcess;
  readonly calls = new Set<Call>();

  constructor(server: StoreServer, process: SimProcess) {
    this.#server = server;
    this.#process = process;
  }

  async open(): Promise<void> {}

  async put(key: string, body: Uint8Array | SizedStream, options: PutOptions = {}): Promise<void> {
    const bytes = body instanceof Uint8Array ? Uint8Array.from(body) : await gathered(key, body);
    const { objects, makers } = this.#server;
    const maker = {};
    await this.#call("put", key, options.signal, () => {
      const { refusesPuts } = this.#server;
      if (refusesPuts !== null) throw new TrainyardError(refusesPuts, `${key} can't be written`);
      if (options.ifNoneMatch === true && objects.has(key) && makers.get(key) !== maker) {
        this.#server.onRefusedPut(this.#process, key);
        throw new TrainyardError("ALREADY_EXISTS", `the object ${key} is already in the store`);
      }
      objects.set(key, bytes);
      makers.set(key, maker);
      this.#server.onPut(this.#process, key, bytes);
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    return await this.#call("get", key, options.signal, () => {
      const bytes = this.#server.objects.get(key);
      this.#server.onGet(this.#process, key);
      if (bytes === undefined)
        throw new TrainyardError("NOT_FOUND", `there is no object ${key} in the store`);
      return bytes.slice(options.range?.begin, options.range?.end);
    });
  }

  async *stream(key: string, options: GetOptions = {}): AsyncIterable<Uint8Array> {
    yield await this.get(key, options);
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async stat(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    return await this.#call("stat", key, options.signal, () => {
      const bytes = this.#server.objects.get(key);
      return bytes === undefined ? null : { key, bytes: bytes.length };
    });
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectInfo> {
    yield* await this.#call("list", prefix, options.signal, () =>
      [...this.#server.objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, bytes]) => ({ key, bytes: bytes.length }))
        .sort((a, b) => compareCodePoints(a.key, b.key)),
    );
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#call("delete", key, options.signal, () => {
      this.#server.objects.delete(key);
    });
  }

  /** Tries until the store answered or the call's deadline passed. */
  #call<T>(
    kind: keyof StoreServer["carriedOut"],
    key: string,
    signal: AbortSignal | undefined,
    act: () => T,
  ): Promise<T> {
    const { clock } = this.#process;
    const what = `${kind} of ${key}`;
    const call: Call = { what, sinceMs: clock.nowMs() };
    this.calls.add(call);
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const settle = (settled: () => void) => {
        if (isOver) return;
        isOver = true;
        this.calls.delete(call);
        signal?.removeEventListener("abort", abort);
        settled();
      };
      const abort = () => settle(() => reject(interruption(signal as AbortSignal, what)));
      if (signal?.aborted === true) return abort();
      if (signal !== undefined) shareSignal(signal).addEventListener("abort", abort, { once: true });
      let pauseMs = 100;
      const tryAgain = () => {
        if (isOver) return;
        if (clock.nowMs() + pauseMs >= call.sinceMs + limits.storeCallMs) {
          const sentence = `${what}: the store did not answer for ${limits.storeCallMs / 1000} s`;
          return settle(() => reject(new TrainyardError("STORE_UNREACHABLE", sentence)));
        }
        clock.after(pauseMs, attempt);
        pauseMs = Math.min(2 * pauseMs, 2_000);
      };
      const attempt = () => {
        if (!isOver) this.#exchange(kind, act, (answer) => settle(() => answer(resolve, reject)), tryAgain);
      };
      attempt();
    });
  }

  /** One request. It is carried out where it arrives, whatever became of its sender; its answer may get lost. */
  #exchange<T>(
    kind: keyof StoreServer["carriedOut"],
    act: () => T,
    answered: (answer: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) => void,
    failed: () => void,
  ): void {
    const server = this.#server;
    const { scheduler } = server.network;
    scheduler.after(server.latencyMs(), () => {
      const isReached = !server.isAway && !server.network.isCutOff(this.#process) && !server.fails();
      if (!isReached) {
        scheduler.after(server.latencyMs(), () => this.#process.run(failed));
        return;
      }
      server.carriedOut[kind] += 1;
      let answer: (resolve: (value: T) => void, reject: (error: unknown) => void) => void;
      try {
        const value = act();
        answer = (resolve) => resolve(value);
      } catch (error) {
        answer = (_, reject) => reject(error);
      }
      const isLost = server.fails();
      scheduler.after(server.latencyMs(), () =>
        this.#process.run(() => (isLost ? failed() : answered(answer))),
      );
    });
  }
}

async function gathered(key: string, body: SizedStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodyChunks(key, body)) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}
