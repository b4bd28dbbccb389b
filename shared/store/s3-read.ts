/**
 * Reading an object in order, through broken connections: what is missing is asked for again from where it broke,
 * on the condition that the object is still the same. Gives up after a while without a byte, however long the whole
 * takes; the time that the consumer takes does not count.
 */
import type { IncomingMessage } from "node:http";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { delay, retry } from "../retry.js";
import { cut } from "./body.js";
import { quote } from "./keys.js";
import type { GetOptions } from "./object-store.js";
import { isCode, type S3Connection } from "./s3-connection.js";
import { isPassing } from "./s3-errors.js";

export interface Opened {
  /** Bytes from here to the end of the range, cut at the object's end. */
  readonly bytes: number;
  readonly chunks: AsyncGenerator<Uint8Array>;
}

interface Position {
  at: number;
  readonly end: number;
  readonly etag: string | undefined;
}

/** `object` with the location's prefix, `key` for messages. Errors as they come. */
export async function openObject(
  connection: S3Connection,
  object: string,
  key: string,
  options: GetOptions,
): Promise<Opened> {
  const begin = options.range?.begin ?? 0;
  const end = options.range?.end ?? Number.POSITIVE_INFINITY;
  const position = { at: begin, end, etag: undefined };
  const first = await request(connection, object, key, position, options.signal).catch((error: unknown) => {
    if (isCode(error, "InvalidRange")) return null;
    throw error;
  });
  if (first === null) return { bytes: 0, chunks: nothing() };
  const known = { at: begin, end: begin + contentLength(first), etag: first.headers.etag };
  return { bytes: known.end - begin, chunks: read(connection, object, key, known, first, options.signal) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* read(
  connection: S3Connection,
  object: string,
  key: string,
  position: Position,
  first: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let response = first;
  let lastByte = performance.now();
  for (;;) {
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        position.at += chunk.length;
        for (const piece of cut(chunk)) yield piece;
        lastByte = performance.now();
      }
      if (position.at >= position.end) return;
    } catch (error) {
      if (!isPassing(error) || performance.now() - lastByte > limits.storeCallMs) throw error;
    } finally {
      response.destroy();
    }
    await delay(limits.reconnectMinMs, signal, `reading ${quote(key)}`);
    response = await request(connection, object, key, position, signal);
  }
}

/** Retried until there is an answer; the signal of an attempt is the caller's, since the body outlives the attempt. */
function request(
  connection: S3Connection,
  object: string,
  key: string,
  { at, end, etag }: Position,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const isWhole = at === 0 && end === Number.POSITIVE_INFINITY;
  const last = end === Number.POSITIVE_INFINITY ? "" : String(end - 1);
  const headers = {
    ...(!isWhole && { range: `bytes=${at}-${last}` }),
    ...(etag !== undefined && { "if-match": etag }),
  };
  return retry(
    async () => {
      const response = await connection.send(
        { method: "GET", object, headers, statuses: [200, 206] },
        signal,
      );
      checkBegin(response, at, key);
      return response;
    },
    { deadlineMs: limits.storeCallMs, isRetryable: isPassing, signal, what: `reading ${quote(key)}` },
  ).catch((error: unknown) => {
    if (etag === undefined || !isCode(error, "PreconditionFailed", "NoSuchKey")) throw error;
    throw new TrainyardError("DAMAGED", `the object ${quote(key)} was replaced while it was read`, {
      cause: error,
    });
  });
}

function checkBegin(response: IncomingMessage, at: number, key: string): void {
  const begin = Number(/^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1] ?? 0);
  if (begin === at) return;
  response.destroy();
  throw new TrainyardError("FAILED", `the store sent ${quote(key)} from byte ${begin}, not from ${at}`);
}

function contentLength(response: IncomingMessage): number {
  const bytes = Number(response.headers["content-length"]);
  if (Number.isSafeInteger(bytes)) return bytes;
  response.destroy();
  throw new TrainyardError("FAILED", "the store does not say how long an object is");
}
