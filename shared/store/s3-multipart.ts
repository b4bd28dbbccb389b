/**
 * An upload in parts, one part in memory at a time. Written on the protocol itself, since the client's own joins an
 * unfinished upload of the same key, so that two writers would mix their parts, and completes without a condition.
 */
import { limits } from "../limits.js";
import { bodyChunks } from "./body.js";
import type { SizedStream } from "./object-store.js";
import type { S3Answer, S3Request } from "./s3-connection.js";

/** Sends with retries. */
export type Exchange = (request: S3Request) => Promise<S3Answer>;

/** An upload in parts. */
export interface Upload {
  /** The object's key in the bucket, with the location's prefix. */
  readonly object: string;
  /** The object's key as messages name it. */
  readonly key: string;
  readonly body: Uint8Array | SizedStream;
  readonly bytes: number;
  /** Headers of the object, sent when the upload begins. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers that hold the condition of its creation, sent when the upload is completed. */
  readonly condition: Readonly<Record<string, string>>;
}

const partsMax = 10_000;
const mebibyte = 1024 * 1024;

/** Grows above the usual size only where 10,000 parts would not hold the body. */
export function partBytes(bytes: number): number {
  const needed = Math.ceil(bytes / partsMax / mebibyte) * mebibyte;
  return Math.max(limits.storePartBytes, needed);
}

/** On any failure the parts are thrown away by `abandon`, which must not depend on what failed. */
export async function uploadParts(upload: Upload, exchange: Exchange, abandon: Exchange): Promise<void> {
  const { object, headers } = upload;
  const begun = await exchange({ method: "POST", object, query: "uploads", headers });
  const uploadId = /<UploadId>(.*?)<\/UploadId>/s.exec(begun.body)?.[1];
  if (uploadId === undefined) throw new Error("an upload was begun without an identifier");
  const query = `uploadId=${encodeURIComponent(uploadId)}`;
  try {
    const tags: string[] = [];
    for await (const part of parts(upload)) {
      const partQuery = `partNumber=${tags.length + 1}&${query}`;
      const answer = await exchange({ method: "PUT", object, query: partQuery, body: part });
      tags.push(answer.headers.etag ?? "");
    }
    await complete(upload, query, tags, exchange);
  } catch (error) {
    // The server forgets abandoned parts by itself, later; the upload's own failure is what must be told.
    await abandon({ method: "DELETE", object, query, statuses: [204, 200, 404] }).catch(() => undefined);
    throw error;
  }
}

async function complete(
  upload: Upload,
  query: string,
  tags: readonly string[],
  exchange: Exchange,
): Promise<void> {
  const list = tags.map(
    (tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`,
  );
  const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`;
  const answer = await exchange({
    method: "POST",
    object: upload.object,
    query,
    headers: upload.condition,
    body: Buffer.from(xml),
    isSlow: true,
  });
  // Status 200 is sent before the outcome is known; an error then comes in the body.
  const code = /<Error>.*?<Code>(.*?)<\/Code>/s.exec(answer.body)?.[1];
  if (code !== undefined) throw Object.assign(new Error("the upload was not completed"), { code });
}

const escapeXml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Consecutive parts, all but the last of one size. A part is only good until the next one is asked for. */
async function* parts(upload: Upload): AsyncGenerator<Buffer> {
  const size = partBytes(upload.bytes);
  if (upload.body instanceof Uint8Array) {
    const whole = Buffer.from(upload.body.buffer, upload.body.byteOffset, upload.body.byteLength);
    for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
    return;
  }
  const part = Buffer.alloc(size);
  let filled = 0;
  for await (const chunk of bodyChunks(upload.key, upload.body)) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(size - filled, chunk.length - at);
      part.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === size) {
        yield part;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
