/**
 * Reads an object in order, through broken connections: after each break it asks for the rest, on the condition that the
 * object is still the same. It gives up when no byte has arrived for limits.storeCallMs. The whole may take longer, and
 * the consumer's own time does not count.
 */
import type { IncomingMessage } from "node:http";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { delay, retry } from "../retry.js";
import { cut } from "./body.js";
import { quote } from "./keys.js";
import type { GetOptions } from "./object-store.js";
import { isCode, type S3Connection, stalled } from "./s3-connection.js";
import { isPassing } from "./s3-errors.js";

/** An open object, or range of one. */
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

/** The object that is read, and how. */
interface Source {
  readonly connection: S3Connection;
  /** The object's key in the bucket, with the location's prefix. */
  readonly object: string;
  /** The object's key as messages name it. */
  readonly key: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens an object, or a range of it, for reading. `object` has the location's prefix; `key` is for messages. Errors: those of
 * S3Connection, unchanged.
 */
export async function openObject(
  connection: S3Connection,
  object: string,
  key: string,
  options: GetOptions,
): Promise<Opened> {
  const source: Source = { connection, object, key, signal: options.signal };
  const begin = options.range?.begin ?? 0;
  const end = options.range?.end ?? Number.POSITIVE_INFINITY;
  const position = { at: begin, end, etag: undefined };
  const first = await request(source, position).catch((error: unknown) => {
    if (isCode(error, "InvalidRange")) return null;
    throw error;
  });
  if (first === null) return { bytes: 0, chunks: nothing() };
  const known = { at: begin, end: begin + contentLength(first), etag: first.headers.etag };
  return { bytes: known.end - begin, chunks: read(source, known, first) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* read(source: Source, position: Position, first: IncomingMessage): AsyncGenerator<Uint8Array> {
  const begin = position.at;
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
      if (!isPassing(error) || performance.now() - lastByte > limits.storeCallMs)
        throw withBytes(error, position.at - begin, position.end - begin);
    } finally {
      response.destroy();
    }
    await delay(limits.reconnectMinMs, source.signal, `reading ${quote(source.key)}`);
    response = await request(source, position);
  }
}

/** A stall in the middle of an object says how much of it came. */
function withBytes(error: unknown, received: number, all: number): unknown {
  if (!(error instanceof Error && isCode(error, stalled))) return error;
  const message = `${error.message}, after ${received} of ${all} bytes`;
  return Object.assign(new Error(message, { cause: error }), { code: stalled });
}

/**
 * Asks for the rest of the object, repeatedly until there is an answer. Each attempt gets the caller's signal, because the
 * answer's body outlives the attempt.
 */
function request(
  { connection, object, key, signal }: Source,
  { at, end, etag }: Position,
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
