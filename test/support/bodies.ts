/** Bytes to store: bodies that differ at every position and by seed, whole or in pieces. */
import type { SizedStream } from "../../shared/store/object-store.js";

/** Not periodic in any power of two, so that a swapped or repeated block shows. */
export function pattern(bytes: number, seed = 0): Uint8Array {
  const body = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i += 1) body[i] = (i * 31 + (i >>> 8) * 7 + (i >>> 16) * 3 + seed * 101) & 0xff;
  return body;
}

export async function* inPieces(body: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}

export function sizedStream(body: Uint8Array, pieceBytes: number): SizedStream {
  return { bytes: body.length, chunks: inPieces(body, pieceBytes) };
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
