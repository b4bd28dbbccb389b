/** A weights version on its way to the workers: encoded once for all of them, then one stream each. */
import type * as grpc from "@grpc/grpc-js";
import { crc32c } from "../../shared/crc32c.js";
import { encodeWeightsChunk } from "../../shared/grpc/protocol.js";
import { bytesPerElement, encodeVector, type Wire } from "../../shared/grpc/wire.js";
import { limits } from "../../shared/limits.js";
import type { WeightsVersion } from "./slice.js";

export type WeightsCall = grpc.ServerWritableStream<unknown, object>;

/** Chunks of one version, in order. Holds the bytes once, however many are sent them. */
export interface EncodedVersion {
  readonly step: number;
  readonly chunks: readonly { readonly message: object; readonly bytes: number }[];
}

export function encodeVersion(
  { step, weights, crc32c: weightsChecksum }: WeightsVersion,
  at: { readonly generation: number; readonly slice: number },
  wire: Wire,
): EncodedVersion {
  const body = encodeVector(weights, wire);
  const checksum = wire === "float32" ? weightsChecksum : crc32c(body);
  const encoding = wire === "float32" ? "FLOAT32" : "BFLOAT16";
  const chunks: { message: object; bytes: number }[] = [];
  for (let begin = 0; begin < body.byteLength; begin += limits.chunkBytes) {
    const data = body.subarray(begin, begin + limits.chunkBytes);
    const offset = begin / bytesPerElement(wire);
    const message = encodeWeightsChunk({ ...at, step, offset, data, crc32c: checksum, encoding });
    chunks.push({ message, bytes: data.byteLength });
  }
  return { step, chunks };
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
    this.#next = version;
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#next !== undefined && !this.#call.cancelled) {
      const version = this.#next;
      this.#next = undefined;
      await this.#sendVersion(version);
    }
    this.#isSending = false;
  }

  async #sendVersion({ chunks }: EncodedVersion): Promise<void> {
    for (const { message, bytes } of chunks) {
      if (this.#call.cancelled || this.#call.destroyed) return;
      const isRoomLeft = this.#call.write(message);
      this.#sent(bytes);
      if (!isRoomLeft) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#call.off("drain", done);
        this.#call.off("close", done);
        this.#call.off("cancelled", done);
        resolve();
      };
      this.#call.on("drain", done);
      this.#call.on("close", done);
      this.#call.on("cancelled", done);
    });
  }
}
