/** Bodies of objects as they travel: chunks of bounded size, and the check that a stream is as long as announced. */
import { TrainyardError } from "../errors.js";
import { quote } from "./keys.js";
import type { SizedStream } from "./object-store.js";

/** Largest chunk that `ObjectStore.stream` yields. */
export const streamChunkBytes = 1024 * 1024;

/** The chunks of a body; fails with DAMAGED where the stream is longer or shorter than it said. */
export async function* bodyChunks(key: string, body: Uint8Array | SizedStream): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body;
    return;
  }
  let seen = 0;
  for await (const chunk of body.chunks) {
    seen += chunk.length;
    if (seen > body.bytes) throw wrongLength(key, body.bytes, `at least ${seen}`);
    yield chunk;
  }
  if (seen < body.bytes) throw wrongLength(key, body.bytes, String(seen));
}

/** The size of an object's content. */
export const bodyBytes = (body: Uint8Array | SizedStream) =>
  body instanceof Uint8Array ? body.length : body.bytes;

function wrongLength(key: string, announced: number, seen: string): TrainyardError {
  return new TrainyardError(
    "DAMAGED",
    `the body of ${quote(key)} has ${seen} bytes where ${announced} were announced; nothing was stored`,
  );
}

/** Cuts a chunk into views of at most `streamChunkBytes`. */
export function* cut(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += streamChunkBytes) yield chunk.subarray(at, at + streamChunkBytes);
}
