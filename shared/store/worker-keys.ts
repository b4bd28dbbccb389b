/**
 * The keys that a coordinator gives its workers for an S3 store: by default short-lived ones, which the store's security
 * token service (STS, AssumeRole) makes for a run and limits by a policy. A folder needs no keys.
 */
import * as http from "node:http";
import * as https from "node:https";
import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { TrainyardError } from "../errors.js";
import { limits } from "../limits.js";
import { interruption, retry, shareSignal } from "../retry.js";
import { isCode } from "./s3-connection.js";
import { readS3Credentials, type S3Credentials } from "./s3-credentials.js";
import { isPassing } from "./s3-errors.js";
import { parseS3Url, type S3Location } from "./s3-location.js";
import { type WorkerAccess, workerPolicy } from "./worker-policy.js";

/** Keys for an S3 store. */
export interface WorkerKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Empty for keys that do not expire. */
  readonly sessionToken: string;
  readonly region: string;
  /** Seconds from now on for which the store takes them; 0: they do not expire. */
  readonly validSeconds: number;
}

/**
 * Where workers have their keys from. `session`: short-lived ones from the coordinator. `static`: the coordinator's own.
 * `own`: each worker's own environment.
 */
export const workerKeyKinds = ["session", "static", "own"] as const;
/** Where workers have their keys from. */
export type WorkerKeyKind = (typeof workerKeyKinds)[number];

/** Makes keys for workers. */
export interface KeyIssuer {
  readonly kind: Exclude<WorkerKeyKind, "own">;
  /**
   * Slow: limits.storeCallMs. May be repeated. Errors: STORE_UNREACHABLE when that may pass; STORE_DENIED when the store
   * makes no such keys; INTERRUPTED.
   */
  issue(access: WorkerAccess, signal: AbortSignal): Promise<WorkerKeys>;
}

/** How the issuer for a store is opened. */
export interface IssuerOptions {
  readonly kind: WorkerKeyKind;
  /** The role to assume, where the store needs one (AWS). */
  readonly roleArn?: string | undefined;
  /** Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The issuer for the store of a URL; null when workers bring keys of their own, or need none. Errors: USAGE. */
export function openKeyIssuer(url: string, options: IssuerOptions): KeyIssuer | null {
  const { kind, roleArn, environment = process.env } = options;
  if (kind === "own" || !/^s3(\+https?)?:/.test(url)) return null;
  const credentials = readS3Credentials(environment);
  if (kind === "session") return new SessionKeyIssuer(parseS3Url(url), credentials, roleArn);
  const { accessKey, secretKey, sessionToken = "", region } = credentials;
  const keys = { accessKey, secretKey, sessionToken, region, validSeconds: 0 };
  return { kind, issue: async () => keys };
}

/** Asks a store's security token service for keys. */
class SessionKeyIssuer implements KeyIssuer {
  readonly kind = "session";
  readonly #location: S3Location;
  readonly #credentials: S3Credentials;
  readonly #roleArn: string | undefined;

  constructor(location: S3Location, credentials: S3Credentials, roleArn: string | undefined) {
    this.#location = location;
    this.#credentials = credentials;
    this.#roleArn = roleArn;
  }

  async issue(access: WorkerAccess, signal: AbortSignal): Promise<WorkerKeys> {
    const policy = workerPolicy(this.#location, access);
    const what = `asking ${this.#location.url} for a worker's keys`;
    const options = { deadlineMs: limits.storeCallMs, isRetryable: isPassing, signal, what };
    try {
      const answer = await retry((attempt) => this.#ask(policy, attempt), options);
      return this.#keysOf(answer);
    } catch (error) {
      if (signal.aborted) throw interruption(signal, what);
      throw this.#failure(error);
    }
  }

  async #ask(policy: string, signal: AbortSignal): Promise<Answer> {
    const { host, isSecure } = this.#location;
    const { accessKey, secretKey, region } = this.#credentials;
    const provider = new AssumeRoleProvider({
      stsEndpoint: endpointOf(this.#location, region),
      accessKey,
      secretKey,
      durationSeconds: limits.workerKeysSeconds,
      policy,
      region,
      roleSessionName: "trainyard-worker",
      ...(this.#roleArn === undefined ? {} : { roleArn: this.#roleArn }),
    });
    const { requestOptions, requestData } = provider.getRequestConfig();
    const isAmazon = isAmazonHost(host);
    const options = {
      ...requestOptions,
      ...(isAmazon ? {} : { hostname: host }),
      signal: shareSignal(signal),
    };
    return await exchange(isSecure ? https : http, options, requestData);
  }

  #keysOf({ body, date }: Answer): WorkerKeys {
    const [accessKey, secretKey, sessionToken] = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(
      (name) => element(body, name),
    );
    const expiresMs = Date.parse(element(body, "Expiration") ?? "");
    // Both times are the server's: clocks of two machines are never compared.
    const validSeconds = Math.floor((expiresMs - date) / 1000);
    if (!accessKey || !secretKey || !sessionToken || !(validSeconds > 0)) {
      throw new Error("its answer holds no keys");
    }
    const { region } = this.#credentials;
    return { accessKey, secretKey, sessionToken, region, validSeconds };
  }

  #failure(caught: unknown): TrainyardError {
    const { url } = this.#location;
    const why = caught instanceof Error ? caught.message : String(caught);
    if (isPassing(caught) || isCode(caught, "ABORT_ERR") || caught instanceof DOMException) {
      const sentence = `the store ${url} gives no keys for workers now: ${why}`;
      return new TrainyardError("STORE_UNREACHABLE", sentence, { cause: caught });
    }
    const sentence = `the store ${url} makes no short-lived keys for workers (AssumeRole: ${why})`;
    return new TrainyardError("STORE_DENIED", sentence, { cause: caught });
  }
}

interface Answer {
  readonly body: string;
  /** The server's time, in milliseconds. */
  readonly date: number;
}

/** An answer is a page of XML; a longer one is no STS's. */
const mostBytes = 256 * 1024;

/** One request with its answer. Rejects with what failed; an error of the service has its `code`. */
function exchange(
  module: typeof http | typeof https,
  options: https.RequestOptions,
  data: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = module.request(options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > mostBytes) return request.destroy(new Error("its answer is too long"));
        chunks.push(chunk);
      });
      response.once("error", reject);
      response.once("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        const { statusCode = 0 } = response;
        if (statusCode === 200) return resolve({ body, date: Date.parse(response.headers.date ?? "") });
        const code = element(body, "Code") ?? (statusCode > 501 ? "ServiceUnavailable" : "");
        const message = element(body, "Message") ?? `status ${statusCode}`;
        reject(Object.assign(new Error(message), { code }));
      });
    });
    request.setTimeout(limits.storeSilenceMs, () => {
      request.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    });
    request.once("error", reject);
    request.end(data);
  });
}

const isAmazonHost = (host: string) => host === "amazonaws.com" || host.endsWith(".amazonaws.com");

/** MinIO's STS listens beside its objects; AWS has one in each region. */
function endpointOf({ host, port, isSecure }: S3Location, region: string): string {
  if (isAmazonHost(host)) return `https://sts.${region}.amazonaws.com`;
  return `${isSecure ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

const element = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(xml)?.[1];
