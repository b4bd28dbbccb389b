/**
 * Partials coming up one stream. One partial is assembled at a time; nothing is allocated before the claim
 * (run, generation, step, attempt, worker, node, size) is checked. If the answer is lost the worker sends again: the repeat is dropped.
 */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { UploadChunk } from "../../shared/grpc/tensor-messages.js";

/** What a stream's chunks add up to. */
export type Arrival =
  | { readonly tag: "whole"; readonly chunk: UploadChunk; readonly values: Float32Array }
  | { readonly tag: "corrupt"; readonly chunk: UploadChunk }
  | { readonly tag: "unwanted"; readonly chunk: UploadChunk };

const isSamePartial = (a: UploadChunk, b: UploadChunk) =>
  a.step === b.step &&
  a.attempt === b.attempt &&
  a.beginLane === b.beginLane &&
  a.endLane === b.endLane &&
  a.kind === b.kind &&
  a.worker === b.worker;

export class PartialAssembly {
  readonly #length: number;
  #first: UploadChunk | undefined;
  #values: Float32Array | undefined;
  #received = 0;
  /** The partial whose rest is passed over. */
  #broken: UploadChunk | undefined;

  /** `length`: elements of the slice. */
  constructor(length: number) {
    this.#length = length;
  }

  /** True when the chunk begins another partial than the one under way. */
  isFirst(chunk: UploadChunk): boolean {
    return this.#first === undefined || !isSamePartial(this.#first, chunk) || chunk.offset === 0;
  }

  /**
   * `wanted`: asked once per partial, at its first chunk. Returns the arrival with the last chunk, or with the first
   * that is out of place; what follows of that partial is passed over, so that each is answered once.
   */
  take(chunk: UploadChunk, wanted: (chunk: UploadChunk) => boolean): Arrival | null {
    if (this.isFirst(chunk)) {
      const isRest = this.#broken !== undefined && isSamePartial(this.#broken, chunk) && chunk.offset !== 0;
      if (isRest) return null;
      this.#start(chunk, wanted(chunk));
    }
    if (!this.#isInPlace(chunk)) return this.#break(chunk);
    if (this.#values !== undefined) bytesOf(this.#values).set(chunk.data, chunk.offset * 4);
    this.#received += chunk.data.byteLength / 4;
    return this.#received === this.#length ? this.#finish(chunk) : null;
  }

  #isInPlace(chunk: UploadChunk): boolean {
    const count = chunk.data.byteLength / 4;
    return (
      chunk.offset === this.#received &&
      Number.isInteger(count) &&
      count > 0 &&
      this.#received + count <= this.#length
    );
  }

  #break(chunk: UploadChunk): Arrival {
    this.#first = undefined;
    this.#values = undefined;
    this.#broken = chunk;
    return { tag: "corrupt", chunk };
  }

  #start(chunk: UploadChunk, isWanted: boolean): void {
    this.#first = chunk;
    this.#broken = undefined;
    this.#received = 0;
    this.#values = isWanted ? new Float32Array(this.#length) : undefined;
  }

  #finish(chunk: UploadChunk): Arrival {
    const values = this.#values;
    this.#first = undefined;
    this.#values = undefined;
    if (values === undefined) return { tag: "unwanted", chunk };
    if (crc32c(bytesOf(values)) !== chunk.crc32c) return { tag: "corrupt", chunk };
    return { tag: "whole", chunk, values };
  }
}
