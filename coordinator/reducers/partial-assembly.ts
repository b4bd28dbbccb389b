/**
 * Puts together the partials of one upload stream. One partial is assembled at a time; nothing is allocated before the claim
 * (run, generation, step, attempt, worker, node, size) is checked. If the answer is lost the worker sends again: the repeat is dropped.
 */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { UploadChunk } from "../../shared/grpc/tensor-messages.js";
import { bytesPerElement, type Wire, wireOf } from "../../shared/grpc/wire.js";
import type { SimdVectors } from "../../shared/kernels/simd.js";

/** How a partial ended: complete, with wrong bytes or chunks out of order, or skipped because it was not wanted. */
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
  readonly #wire: Wire;
  readonly #vectors: SimdVectors;
  #first: UploadChunk | undefined;
  #values: Float32Array | undefined;
  #received = 0;
  /** CRC-32C of what was received. */
  #checksum = 0;
  /** The partial that was answered as corrupt: its remaining chunks are skipped. */
  #broken: UploadChunk | undefined;

  /** `vectors`: of the slice; one is taken for each partial. */
  constructor(wire: Wire, vectors: SimdVectors) {
    this.#wire = wire;
    this.#vectors = vectors;
  }

  /** The first chunk of the partial that has a vector here; undefined when there is none. */
  get underWay(): UploadChunk | undefined {
    return this.#values === undefined ? undefined : this.#first;
  }

  /** A partial has begun to arrive and is not complete, whether it is kept or skipped. */
  get isHalf(): boolean {
    return this.#first !== undefined;
  }

  /** True when the chunk begins another partial than the one under way. */
  isFirst(chunk: UploadChunk): boolean {
    return this.#first === undefined || !isSamePartial(this.#first, chunk) || chunk.offset === 0;
  }

  /**
   * `wanted`: asked once per partial, at its first chunk. Returns the arrival with the last chunk, or with the first
   * that is out of place; what follows of that partial is passed over, so that each is answered once. Who gets a whole
   * partial owns its vector.
   */
  take(chunk: UploadChunk, wanted: (chunk: UploadChunk) => boolean): Arrival | null {
    if (this.isFirst(chunk)) {
      const isRest = this.#broken !== undefined && isSamePartial(this.#broken, chunk) && chunk.offset !== 0;
      if (isRest) return null;
      this.#start(chunk, wanted(chunk));
    }
    const wire = wireOf(chunk.kind, this.#wire);
    const count = chunk.data.byteLength / bytesPerElement(wire);
    if (!this.#isInPlace(chunk, count)) return this.#break(chunk);
    if (this.#values !== undefined) {
      if (wire === "float32") bytesOf(this.#values).set(chunk.data, chunk.offset * 4);
      else this.#vectors.decodeBfloat16(chunk.data, this.#values, chunk.offset);
      this.#checksum = crc32c(chunk.data, this.#checksum);
    }
    this.#received += count;
    return this.#received === this.#vectors.length ? this.#finish(chunk) : null;
  }

  /** Gives the vector back. The rest of the partial is skipped, and the arrival will be `unwanted`. */
  forget(): void {
    if (this.#values !== undefined) this.#vectors.release(this.#values);
    this.#values = undefined;
  }

  /** Forgets an incomplete partial: the stream is over, or another partial begins. */
  abandon(): void {
    this.forget();
    this.#first = undefined;
  }

  #isInPlace(chunk: UploadChunk, count: number): boolean {
    return (
      chunk.offset === this.#received &&
      Number.isInteger(count) &&
      count > 0 &&
      this.#received + count <= this.#vectors.length
    );
  }

  #break(chunk: UploadChunk): Arrival {
    this.abandon();
    this.#broken = chunk;
    return { tag: "corrupt", chunk };
  }

  #start(chunk: UploadChunk, isWanted: boolean): void {
    this.abandon();
    this.#first = chunk;
    this.#broken = undefined;
    this.#received = 0;
    this.#checksum = 0;
    this.#values = isWanted ? this.#vectors.allocate() : undefined;
  }

  #finish(chunk: UploadChunk): Arrival {
    if (this.#values === undefined) {
      this.#first = undefined;
      return { tag: "unwanted", chunk };
    }
    if (this.#checksum !== chunk.crc32c) {
      this.abandon();
      return { tag: "corrupt", chunk };
    }
    const values = this.#values;
    this.#values = undefined;
    this.#first = undefined;
    return { tag: "whole", chunk, values };
  }
}
