/**
 * Objects in a bucket of an S3 store (MinIO, SeaweedFS, AWS). Each call has a deadline (shared/limits), retries what
 * may pass, and is safe to repeat: a conditional put carries a token of its own, so that after a lost answer it can
 * tell its own object from another writer's. The requests themselves are s3-connection's.
 */
import { randomUUID } from "node:crypto";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { interruption, retry, throwIfAborted } from "../retry.js";
import { bodyBytes, bodyChunks } from "./body.js";
import { checkKey, checkPrefix, checkRange, keyBytesMax, quote } from "./keys.js";
import type {
  GetOptions,
  ObjectInfo,
  ObjectStore,
  OpenOptions,
  PutOptions,
  SizedStream,
} from "./object-store.js";
import { isCode, S3Connection, type S3Request } from "./s3-connection.js";
import type { S3Credentials } from "./s3-credentials.js";
import { isPassing, s3Error } from "./s3-errors.js";
import { listQuery, parseListPage } from "./s3-listing.js";
import type { S3Location } from "./s3-location.js";
import { uploadParts } from "./s3-multipart.js";
import { openObject } from "./s3-read.js";

/** Written and deleted by `open`; what a crash leaves is never listed. */
const probePrefix = ".trainyard-probe-";
const tokenHeader = "x-amz-meta-trainyard-write";
/** Throwing parts away after a failure must not take the caller's time. */
const abandonMs = 5_000;

/** An object store in an S3 bucket. */
export class S3Store implements ObjectStore {
  readonly url: string;
  readonly #location: S3Location;
  readonly #variables: S3Credentials["variables"];
  readonly #connection: S3Connection;
  /** Opened by a worker: what its rights do not show of the run counts as missing. */
  #isWork = false;

  /** `credentials`: asked before each request. `variables`: where a user finds them, for messages. */
  constructor(location: S3Location, credentials: () => S3Credentials, variables: S3Credentials["variables"]) {
    this.url = location.url;
    this.#location = location;
    this.#variables = variables;
    this.#connection = new S3Connection(location, credentials);
  }

  /**
   * Waits for a server that is just starting, up to `waitMs`; wrong credentials fail at once. Two processes may open,
   * and create, at the same time. Errors: those of ObjectStore; USAGE when it is opened to write and the server ignores
   * `If-None-Match`.
   */
  async open(options: OpenOptions = {}): Promise<void> {
    const { signal, waitMs = limits.storeCallMs, purpose = "create" } = options;
    this.#isWork = purpose === "work";
    if (purpose === "work") return;
    let isTold = false;
    const attempt = async (attemptSignal: AbortSignal) => {
      try {
        await this.#openBucket(purpose === "create", attemptSignal);
      } catch (error) {
        if (isPassing(error) && !isTold) options.onWaiting?.(this.#error(error, "waiting for", "").message);
        isTold ||= isPassing(error);
        throw error;
      }
    };
    const what = `opening ${this.url}`;
    await this.#translated("can't open", "", signal, async () => {
      await retry(attempt, { deadlineMs: waitMs, isRetryable: isPassing, signal, what });
      if (purpose !== "read") await this.#probeConditions(signal);
    });
  }

  async put(key: string, body: Uint8Array | SizedStream, options: PutOptions = {}): Promise<void> {
    const object = this.#object(key);
    const { signal } = options;
    const bytes = bodyBytes(body);
    const token = randomUUID();
    const headers = {
      "content-type": options.contentType ?? "application/octet-stream",
      [tokenHeader]: token,
    };
    const condition = options.ifNoneMatch ? { "if-none-match": "*" } : undefined;
    await this.#translated("can't write", key, signal, async () => {
      if (bytes <= limits.storeSinglePutBytes) {
        const whole = await gather(key, body, bytes);
        const request: S3Request = {
          method: "PUT",
          object,
          headers: { ...headers, ...condition },
          body: whole,
        };
        await this.#exchangeOwned(request, key, token, signal);
        return;
      }
      if (condition && (await this.stat(key, options)) !== null) throw this.#exists(key);
      await uploadParts(
        { object, key, body, bytes, headers, condition: condition ?? {} },
        (request) => this.#exchangeOwned(request, key, token, signal),
        (request) => this.#exchange(request, key, undefined, abandonMs),
      );
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    const object = this.#object(key);
    checkRange(options.range);
    if (options.range && options.range.begin === options.range.end) return this.#getNothing(key, options);
    return this.#translated("can't read", key, options.signal, async () => {
      const opened = await openObject(this.#connection, object, key, options);
      const bytes = new Uint8Array(opened.bytes);
      let at = 0;
      for await (const chunk of opened.chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      return bytes;
    });
  }

  async *stream(key: string, options: GetOptions = {}): AsyncGenerator<Uint8Array> {
    const object = this.#object(key);
    checkRange(options.range);
    if (options.range && options.range.begin === options.range.end) {
      await this.#getNothing(key, options);
      return;
    }
    try {
      throwIfAborted(options.signal, `reading ${quote(key)}`);
      const opened = await openObject(this.#connection, object, key, options);
      for await (const chunk of opened.chunks) {
        throwIfAborted(options.signal, `reading ${quote(key)}`);
        yield chunk;
      }
    } catch (error) {
      if (options.signal?.aborted) throw interruption(options.signal, `reading ${quote(key)}`);
      throw this.#error(error, "can't read", key);
    }
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async stat(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    const object = this.#object(key);
    return this.#translated("can't look up", key, options.signal, async () => {
      try {
        const answer = await this.#exchange({ method: "HEAD", object }, key, options.signal);
        return { key, bytes: Number(answer.headers["content-length"]) };
      } catch (error) {
        if (isCode(error, "NotFound", "NoSuchKey") || this.#isHidden(error, key)) return null;
        throw error;
      }
    });
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const own = this.#location.prefix;
    const seen = new Set<string>();
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const query = listQuery(own + prefix, token);
      const page = await this.#translated("can't list", prefix, options.signal, async () =>
        parseListPage((await this.#exchange({ method: "GET", query }, prefix, options.signal)).body, seen),
      );
      for (const { key, bytes } of page.objects) {
        const inside = key.slice(own.length);
        // Consoles write "folders" as objects that end in a slash; no key of ours does.
        if (inside.endsWith("/") || inside === "" || inside.startsWith(probePrefix)) continue;
        throwIfAborted(options.signal, `listing ${quote(prefix)}`);
        yield { key: inside, bytes };
      }
      token = page.next;
    }
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const object = this.#object(key);
    await this.#translated("can't delete", key, options.signal, async () => {
      const request: S3Request = { method: "DELETE", object, statuses: [200, 204] };
      await this.#exchange(request, key, options.signal).catch((error: unknown) => {
        if (!isCode(error, "NoSuchKey", "NotFound")) throw error;
      });
    });
  }

  async #openBucket(isCreated: boolean, signal: AbortSignal): Promise<void> {
    try {
      // Not HEAD: its answers have no body, so wrong credentials and wrong clocks would look alike.
      await this.#connection.exchange({ method: "GET", query: "list-type=2&max-keys=1" }, signal);
    } catch (error) {
      if (!isCode(error, "NoSuchBucket", "NotFound") || !isCreated) throw error;
      await this.#connection.createBucket(signal);
    }
  }

  /** Fencing and "published once" rest on conditional puts, so a server that ignores the condition is refused. */
  async #probeConditions(signal: AbortSignal | undefined): Promise<void> {
    const key = `${probePrefix}${randomUUID()}`;
    const object = this.#location.prefix + key;
    const put = { method: "PUT", object, body: Buffer.from("probe") } as const;
    await this.#exchange(put, key, signal);
    try {
      await this.#exchange({ ...put, headers: { "if-none-match": "*" } }, key, signal);
    } catch (error) {
      if (isCode(error, "PreconditionFailed")) return;
      throw error;
    } finally {
      await this.#exchange({ method: "DELETE", object, statuses: [200, 204] }, key, signal);
    }
    const message = `the store ${this.url} ignores "If-None-Match: *", so two coordinators could overwrite each other; use a server that knows it (MinIO since 2024, SeaweedFS, AWS)`;
    throw new TrainyardError("USAGE", message, { fields: { store: this.url } });
  }

  /** Sends a request and repeats it after passing errors. For requests that may be repeated safely. */
  #exchange(
    request: S3Request,
    key: string,
    signal: AbortSignal | undefined,
    deadlineMs: number = limits.storeCallMs,
  ) {
    const what = `${request.method} of ${quote(key)}`;
    return retry((attempt) => this.#connection.exchange(request, attempt), {
      deadlineMs,
      isRetryable: isPassing,
      signal,
      what,
    });
  }

  /**
   * Sends a request that creates an object, and repeats it after passing errors. When a repeat learns that the object
   * (or the completed upload) already exists, the first attempt may have created it and lost its answer; then the
   * object carries this call's token.
   */
  #exchangeOwned(request: S3Request, key: string, token: string, signal: AbortSignal | undefined) {
    let attempts = 0;
    const attempt = async (attemptSignal: AbortSignal) => {
      attempts += 1;
      try {
        return await this.#connection.exchange(request, attemptSignal);
      } catch (error) {
        if (attempts === 1 || !isCode(error, "PreconditionFailed", "NoSuchUpload")) throw error;
        const found = await this.#connection.exchange(
          { method: "HEAD", object: this.#object(key) },
          attemptSignal,
        );
        if (found.headers[tokenHeader] !== token) throw error;
        return { headers: found.headers, body: "" };
      }
    };
    const what = `writing ${quote(key)}`;
    return retry(attempt, { deadlineMs: limits.storeCallMs, isRetryable: isPassing, signal, what });
  }

  async #getNothing(key: string, options: GetOptions): Promise<Uint8Array> {
    const found = await this.stat(key, options.signal ? { signal: options.signal } : {});
    if (found === null)
      throw this.#error(Object.assign(new Error(), { code: "NoSuchKey" }), "can't read", key);
    return new Uint8Array(0);
  }

  #object(key: string): string {
    checkKey(key);
    const object = this.#location.prefix + key;
    if (Buffer.byteLength(object) <= keyBytesMax) return object;
    const message = `the key ${quote(object)} is longer than ${keyBytesMax} bytes with the store's prefix`;
    throw new TrainyardError("USAGE", message);
  }

  async #translated<T>(
    doing: string,
    key: string,
    signal: AbortSignal | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    const what = key === "" ? `opening ${this.url}` : `${doing.replace("can't ", "to ")} ${quote(key)}`;
    throwIfAborted(signal, what);
    try {
      return await act();
    } catch (error) {
      if (signal?.aborted) throw interruption(signal, what);
      throw this.#error(error, doing, key);
    }
  }

  #error(caught: unknown, doing: string, key: string): TrainyardError {
    const { skewMs } = this.#connection;
    const isMissing = doing === "can't read" && this.#isHidden(caught, key);
    const missing = isMissing ? Object.assign(new Error(), { code: "NoSuchKey" }) : caught;
    return s3Error(missing, { location: this.#location, doing, key, variables: this.#variables, skewMs });
  }

  /** Without the right to list, S3 answers "denied" for a key that is not there. */
  #isHidden(caught: unknown, key: string): boolean {
    return this.#isWork && key.startsWith("runs/") && isCode(caught, "AccessDenied", "Forbidden");
  }

  #exists(key: string): TrainyardError {
    return this.#error(
      Object.assign(new Error("already there"), { code: "PreconditionFailed" }),
      "can't write",
      key,
    );
  }
}

/** One buffer of a small body; a Uint8Array is not copied. */
async function gather(key: string, body: Uint8Array | SizedStream, bytes: number): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const whole = Buffer.alloc(bytes);
  let at = 0;
  for await (const chunk of bodyChunks(key, body)) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
