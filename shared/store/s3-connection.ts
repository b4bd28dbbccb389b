/**
 * One request to an S3 server, signed by the `minio` client, with what that client lacks: an AbortSignal, a limit on
 * silence, the reason of a 5xx answer, and no retry of its own. Whether to repeat a request is decided by the caller.
 */
import * as http from "node:http";
import * as https from "node:https";
import { Client } from "minio";
import { limits } from "../limits.js";
import { shareSignal } from "../retry.js";
import type { S3Credentials } from "./s3-credentials.js";
import type { S3Location } from "./s3-location.js";

/** A request to an S3 server. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Without one the request is about the bucket. With the location's prefix. */
  readonly object?: string;
  /** Encoded. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Statuses that are no errors; default 200. */
  readonly statuses?: readonly number[];
  /** The answer may take its time: no limit on silence. */
  readonly isSlow?: boolean;
}

/** The answer of an S3 server. */
export interface S3Answer {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** A 5xx status is shown to the client as this much more, else it would throw away the answer's reason. */
const statusOffset = 1000;
const requestsAtOnce = 64;
/** S3 takes at most this much difference of clocks, since a signature is only good for so long. */
export const skewMaxMs = 15 * 60_000;
/** Signed anew it is as good as any other. */
export const waitedLong = "TRAINYARD_WAITED_LONG";

/** The server had begun to answer, or to take a body, and nothing moved any more. */
export const stalled = "TRAINYARD_STALLED";

/** A signed HTTP connection to an S3 bucket. */
export class S3Connection {
  readonly location: S3Location;
  readonly #credentials: () => S3Credentials;
  readonly #agent: http.Agent;
  /** The server's clock minus ours, in ms, at its latest answer. */
  skewMs = 0;

  /** `credentials`: asked before each request, because they may be renewed. */
  constructor(location: S3Location, credentials: () => S3Credentials) {
    this.location = location;
    this.#credentials = credentials;
    const options = { keepAlive: true, maxSockets: requestsAtOnce };
    this.#agent = location.isSecure ? new https.Agent(options) : new http.Agent(options);
  }

  /**
   * The answer with its body unread. Once; errors as they come: S3's with its `code`, Node's with Node's; one of ours
   * (`waitedLong`) for a request that was signed so long before it arrived, as by a machine that slept, that S3 takes
   * the clocks to differ, another (`stalled`) for a body that stops in the middle.
   */
  async send(request: S3Request, signal: AbortSignal | undefined): Promise<http.IncomingMessage> {
    try {
      return await this.#client(signal, request.isSlow === true).makeRequestAsync(
        {
          method: request.method,
          bucketName: this.location.bucket,
          headers: { ...request.headers },
          ...(request.object !== undefined && { objectName: request.object }),
          ...(request.query !== undefined && { query: request.query }),
        },
        request.body ?? "",
        [...(request.statuses ?? [200])],
      );
    } catch (error) {
      if (!isCode(error, "RequestTimeTooSkewed") || Math.abs(this.skewMs) > skewMaxMs) throw error;
      throw Object.assign(new Error("the request had waited too long", { cause: error }), {
        code: waitedLong,
      });
    }
  }

  /** The answer with its body, which must be short. Once. */
  async exchange(request: S3Request, signal: AbortSignal | undefined): Promise<S3Answer> {
    const response = await this.send(request, signal);
    const body: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) body.push(chunk);
    return { headers: response.headers, body: Buffer.concat(body).toString() };
  }

  /** Not an error when it is there already and ours. */
  async createBucket(signal: AbortSignal | undefined): Promise<void> {
    const { region } = this.#credentials();
    try {
      await this.#client(signal, false).makeBucket(
        this.location.bucket,
        region === "us-east-1" ? "" : region,
      );
    } catch (error) {
      if (!isCode(error, "BucketAlreadyOwnedByYou", "BucketAlreadyExists")) throw error;
    }
  }

  /** Cheap; one per request, since a client has one transport and the signal belongs to it. */
  #client(signal: AbortSignal | undefined, isSlow: boolean): Client {
    const { host, port, isSecure } = this.location;
    const { accessKey, secretKey, sessionToken, region } = this.#credentials();
    return new Client({
      endPoint: host,
      port,
      useSSL: isSecure,
      accessKey,
      secretKey,
      region,
      ...(sessionToken !== undefined && { sessionToken }),
      transport: { request: this.#transport(signal, isSlow) },
      transportAgent: this.#agent,
      retryOptions: { disableRetry: true },
    });
  }

  #transport(signal: AbortSignal | undefined, isSlow: boolean): typeof http.request {
    const module = this.location.isSecure ? https : http;
    const request = (options: http.RequestOptions, answered: (response: http.IncomingMessage) => void) => {
      let answer: http.IncomingMessage | undefined;
      const sent = module.request(
        { ...options, ...(signal && { signal: shareSignal(signal) }) },
        (response) => {
          answer = response;
          const date = Date.parse(response.headers.date ?? "");
          if (Number.isFinite(date)) this.skewMs = date - Date.now();
          const status = response.statusCode ?? 0;
          if (status >= 500 || status === 408 || status === 429) response.statusCode = status + statusOffset;
          answered(response);
        },
      );
      if (!isSlow) {
        sent.setTimeout(limits.storeSilenceMs, () => {
          const error = silence(answer !== undefined, sent.socket?.writableLength ?? 0);
          (answer ?? sent).destroy(error); // the reader of an answer sees its error only
        });
      }
      return sent;
    };
    return request as typeof http.request;
  }
}

/** Why a request ends on which nothing moved for limits.storeSilenceMs. `unsent`: bytes of its body that the server did not take. */
function silence(isAnswered: boolean, unsent: number): Error {
  const seconds = `${limits.storeSilenceMs / 1000} s`;
  if (isAnswered)
    return Object.assign(
      new Error(`it stopped in the middle of an answer: nothing more came for ${seconds}`),
      {
        code: stalled,
      },
    );
  if (unsent > 0)
    return Object.assign(
      new Error(`it stopped taking what is sent: ${unsent} bytes or more wait for ${seconds}`),
      {
        code: stalled,
      },
    );
  return Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
}

/** The `code` of S3's and of Node's errors. "" where an answer gave none. */
export function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** True when an error carries one of these S3 error codes. */
export const isCode = (error: unknown, ...codes: string[]) => codes.includes(codeOf(error));
