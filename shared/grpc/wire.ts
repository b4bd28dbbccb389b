/**
 * Vectors as bytes in chunks: little-endian float32, or bfloat16 where the spec's `wire` says so. What has to be exact
 * (initial parameters, weights to evaluate) is float32 on either.
 */
import { decodeBfloat16, encodeBfloat16 } from "../kernels/bfloat16.js";
import type { RunSpec } from "../spec.js";
import { bytesOf } from "./numbers.js";
import type { UploadChunk, WeightsChunk } from "./tensor-messages.js";

/** The encoding of a run's vectors: float32 or bfloat16. */
export type Wire = RunSpec["wire"];

/** What carries a partial of that kind in a run of that wire. */
export const wireOf = (kind: UploadChunk["kind"], wire: Wire): Wire =>
  kind === "INITIAL" ? "float32" : wire;

type Encoding = WeightsChunk["encoding"];
/** The name of an encoding in tensors.proto. */
export const encodingOf = (wire: Wire): Encoding => (wire === "float32" ? "FLOAT32" : "BFLOAT16");
/** The encoding that a name in tensors.proto stands for. */
export const wireOfEncoding = (encoding: Encoding): Wire => (encoding === "FLOAT32" ? "float32" : "bfloat16");

/** Bytes of one number on the wire. */
export const bytesPerElement = (wire: Wire) => (wire === "float32" ? 4 : 2);

/** The bytes of a vector; of float32 a view of it. */
export function encodeVector(values: Float32Array, wire: Wire): Buffer {
  if (wire === "float32") return bytesOf(values);
  const halves = new Uint16Array(values.length);
  encodeBfloat16(values, halves);
  return Buffer.from(halves.buffer);
}

/** Puts a chunk's elements into a vector from element `at` on. A chunk's alignment is arbitrary. */
export function decodeInto(target: Float32Array, at: number, data: Uint8Array, wire: Wire): void {
  if (wire === "float32") return bytesOf(target).set(data, at * 4);
  const halves = new Uint16Array(data.byteLength / 2);
  new Uint8Array(halves.buffer).set(data);
  decodeBfloat16(halves, target.subarray(at, at + halves.length));
}
