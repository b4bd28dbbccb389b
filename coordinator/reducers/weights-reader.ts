/** A weights version on its way to the workers: encoded once for all of them, then one stream each. */
import { crc32c } from "../../shared/crc32c.js";
import type { OutgoingChunk, WeightsCall } from "../../shared/grpc/tensor-server.js";
import { bytesPerElement, copyVector, type Wire } from "../../shared/grpc/wire.js";
import { limits } from "../../shared/limits.js";
import type { WeightsVersion } from "./slice.js";

/** Chunks of one version, in order. Holds the bytes once, however many are sent them. */
export interface EncodedVersion {
  readonly chunks: readonly OutgoingChunk[];
  /** Whoever sends it says so before, and when it is done: then the bytes may become those of another version. */
  retain(): void;
  release(): void;
}

/** Encodes versions of one slice; buffers that nobody sends from any more are used again. */
export class VersionEncoder {
  readonly #at: { readonly generation: number; readonly slice: number };
  readonly #free: Buffer[] = [];

  constructor(at: { readonly generation: number; readonly slice: number }) {
    this.#at = at;
  }

  /** Retained once, for the caller. */
  encode({ step, weights, crc32c: weightsChecksum }: WeightsVersion, wire: Wire): EncodedVersion {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(weights.byteLength);
    const body = buffer.subarray(0, weights.length * bytesPerElement(wire));
    copyVector(weights, wire, body);
    const checksum = wire === "float32" ? weightsChecksum : crc32c(body);
    const fields = {
      ...this.#at,
      step,
      crc32c: checksum,
      encoding: wire === "float32" ? "FLOAT32" : "BFLOAT16",
    };
    const chunks: OutgoingChunk[] = [];
    for (let begin = 0; begin < body.byteLength; begin += limits.chunkBytes) {
      const data = body.subarray(begin, begin + limits.chunkBytes);
      chunks.push({ fields: { ...fields, offset: begin / bytesPerElement(wire) }, data });
    }
    let users = 1;
    const retain = () => {
      users += 1;
    };
    const release = () => {
      users -= 1;
      if (users === 0) this.#free.push(buffer);
    };
    return { chunks, retain, release };
  }
}

/** One worker's weights stream. A slow one gets the newest version next, never a mixture. */
export class WeightsReader {
  readonly #call: WeightsCall;
  readonly #sent: (bytes: number) => void;
  #next: EncodedVersion | undefined;
  #isSending = false;

  constructor(call: WeightsCall, sent: (bytes: number) => void) {
    this.#call = call;
    this.#sent = sent;
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
      await this.#sendVersion(version);
      version.release();
    }
    this.#isSending = false;
  }

  async #sendVersion({ chunks }: EncodedVersion): Promise<void> {
    for (const chunk of chunks) {
      if (this.#call.isOver) return;
      this.#sent(chunk.data.byteLength);
      await this.#call.send(chunk);
    }
  }
}
