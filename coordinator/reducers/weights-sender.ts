/** Sends a slice's weights versions to every worker that reads them: each version is encoded once for all. */
import { WeightsRequest } from "../../shared/grpc/tensor-messages.js";
import type { WeightsCall } from "../../shared/grpc/tensor-server.js";
import type { Wire } from "../../shared/grpc/wire.js";
import { versionsKept } from "./partial-room.js";
import type { ReducedSlice, WeightsVersion } from "./slice.js";
import { type EncodedVersion, VersionEncoder, WeightsReader } from "./weights-reader.js";

/** A version, and its bytes while they are being sent. */
interface Current {
  readonly version: WeightsVersion;
  readonly exact: boolean;
  encoded?: EncodedVersion;
}

export interface WeightsSenderOptions {
  readonly slice: ReducedSlice;
  readonly run: string;
  readonly generation: number;
  /** The format of versions that are not sent as float32. */
  readonly wire: Wire;
  /** A worker reads one stream: a second one ends the first. */
  readonly isOneStreamPerWorker: boolean;
  /** Is called with the bytes of each chunk that is sent. */
  readonly onSent: (bytes: number) => void;
}

export class WeightsSender {
  readonly #options: WeightsSenderOptions;
  readonly #readers = new Map<WeightsReader, WeightsCall>();
  readonly #encoder: VersionEncoder;
  /** The version that readers get. */
  #current: Current | undefined;

  constructor(options: WeightsSenderOptions) {
    this.#options = options;
    const { slice, generation } = options;
    this.#encoder = new VersionEncoder({ generation, slice: slice.range.slice }, slice.vectors);
  }

  /** Number of streams that get new versions. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Sends the slice's version, and every later one, until the stream is over. */
  send(call: WeightsCall): void {
    const request = WeightsRequest.safeParse(call.request);
    const { run, generation, slice, onSent } = this.#options;
    if (!request.success || request.data.run !== run || request.data.generation !== generation) {
      return call.refuse("weights of another run or generation were asked for");
    }
    this.#endFormerReader(call);
    const reader = new WeightsReader(call, onSent);
    this.#readers.set(reader, call);
    call.onOver(() => this.#readers.delete(reader));
    if (slice.version !== undefined) reader.offer(this.#encoded(slice.version));
  }

  /** Sends a new version to every reader. `exact`: as float32 on any wire. */
  broadcast(version: WeightsVersion, exact: boolean): void {
    this.#current = { version, exact };
    this.#cutSlowest();
    for (const reader of this.#readers.keys()) reader.offer(this.#encoded(version));
  }

  /** Each version that is still being sent takes up a vector: when there are too many, the slowest readers are cut. */
  #cutSlowest(): void {
    const sending = [...this.#readers.keys()].flatMap((reader) => reader.sending ?? []);
    const oldestFirst = [...new Set(sending)].sort((a, b) => a - b);
    const slow = oldestFirst.slice(0, -versionsKept(this.#options.slice.length));
    for (const [reader, call] of this.#readers) {
      if (reader.sending !== undefined && slow.includes(reader.sending)) call.cut();
    }
  }

  #endFormerReader({ credentials }: WeightsCall): void {
    if (!this.#options.isOneStreamPerWorker) return;
    for (const call of this.#readers.values()) {
      if (call.credentials.worker === credentials.worker) call.cut();
    }
  }

  /** A version that was never broadcast is sent as float32. */
  #encoded(version: WeightsVersion): EncodedVersion {
    if (this.#current?.version !== version) this.#current = { version, exact: true };
    const current = this.#current;
    if (current.encoded === undefined || current.encoded.isGone)
      current.encoded = this.#encoder.encode(version, current.exact ? "float32" : this.#options.wire);
    return current.encoded;
  }
}
