/** A weights version on its way to the workers: encoded once for all of them, then one stream each. */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { OutgoingChunk, WeightsCall } from "../../shared/grpc/tensor-server.js";
import { bytesPerElement, encodingOf, type Wire } from "../../shared/grpc/wire.js";
import type { SimdVectors } from "../../shared/kernels/simd.js";
import { limits } from "../../shared/limits.js";
import type { WeightsVersion } from "./slice.js";

/** Chunks of one version, in order. Holds the bytes once, however many are sent them. */
export interface EncodedVersion {
  readonly step: number;
  readonly chunks: readonly OutgoingChunk[];
  /** The last sender is done: the bytes are gone. */
  readonly isGone: boolean;
  /** A sender calls `retain` before it sends the chunks, and `release` once when it is done with them. */
  retain(): void;
  release(): void;
}

/** Encodes versions of one slice in the slice's own memory, which is given back when the last sender releases it. */
export class VersionEncoder {
  readonly #at: { readonly generation: number; readonly slice: number };
  readonly #vectors: SimdVectors;

  constructor(at: { readonly generation: number; readonly slice: number }, vectors: SimdVectors) {
    this.#at = at;
    this.#vectors = vectors;
  }

  /** The caller must retain the result at once. */
  encode({ step, weights, crc32c: weightsChecksum }: WeightsVersion, wire: Wire): EncodedVersion {
    const vector = this.#vectors.allocate();
    const body = bytesOf(vector).subarray(0, weights.length * bytesPerElement(wire));
    if (wire === "float32") vector.set(weights);
    else this.#vectors.encodeBfloat16(weights, body);
    const checksum = wire === "float32" ? weightsChecksum : crc32c(body);
    const fields = {
      ...this.#at,
      step,
      crc32c: checksum,
      encoding: encodingOf(wire),
    };
    const chunks: OutgoingChunk[] = [];
    for (let begin = 0; begin < body.byteLength; begin += limits.chunkBytes) {
      const data = body.subarray(begin, begin + limits.chunkBytes);
      chunks.push({ fields: { ...fields, offset: begin / bytesPerElement(wire) }, data });
    }
    let users = 0;
    const encoded = {
      step,
      chunks,
      isGone: false,
      retain: () => {
        users += 1;
      },
      release: () => {
        users -= 1;
        if (users > 0) return;
        encoded.isGone = true;
        this.#vectors.release(vector);
      },
    };
    return encoded;
  }
}

/** One worker's weights stream. A slow one gets the newest version next, never a mixture. */
export class WeightsReader {
  readonly #call: WeightsCall;
  readonly #sent: (bytes: number) => void;
  #next: EncodedVersion | undefined;
  #isSending = false;
  #sending: number | undefined;

  constructor(call: WeightsCall, sent: (bytes: number) => void) {
    this.#call = call;
    this.#sent = sent;
  }

  /** The step of the version on its way. */
  get sending(): number | undefined {
    return this.#sending;
  }

  offer(version: EncodedVersion): void {
    version.retain();
    this.#next?.release();
    this.#next = version;
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    for (let version = this.#next; version !== undefined; version = this.#next) {
      this.#next = undefined;
      this.#sending = version.step;
      await this.#sendVersion(version);
      version.release();
    }
    this.#isSending = false;
    this.#sending = undefined;
  }

  async #sendVersion({ chunks }: EncodedVersion): Promise<void> {
    // Two at a time: the next is there when the socket has taken one.
    let former = Promise.resolve();
    for (const chunk of chunks) {
      if (this.#call.isOver) break;
      this.#sent(chunk.data.byteLength);
      const sent = this.#call.send(chunk);
      await former;
      former = sent;
    }
    await former;
  }
}
