/**
 * What a client brings along: the CA that it believes, its own certificate, its token. Files are read at each connection,
 * so that renewed ones are used without a restart.
 */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { TrainyardError } from "../errors.js";
import { isLoopback } from "../loopback.js";
import { type ClientFiles, readClientFiles } from "./tls-files.js";

/** The files with a client's certificates and token. */
export interface ClientSecurityOptions {
  /** Folder with the CA's certificate, and with its own for mutual TLS; or the files themselves. Default: plain text. */
  readonly tls?: string | ClientFiles | undefined;
  /** The token's text, read when it is needed. */
  readonly token?: (() => string | undefined) | undefined;
  /** A token may go in plain text to other machines. */
  readonly insecure?: boolean | undefined;
}

/** What a client presents to servers: TLS files and a token. */
export class ClientSecurity {
  readonly #options: ClientSecurityOptions;
  #files: ClientFiles | null = null;

  constructor(options: ClientSecurityOptions = {}) {
    this.#options = options;
  }

  /** Connections are plain text. */
  get isPlain(): boolean {
    return this.#options.tls === undefined;
  }

  /**
   * The TLS files; null for plain text. Files that can't be read may be in the middle of a replacement, so the ones
   * that were read last are used instead. Errors: USAGE when the first reading fails.
   */
  files(): ClientFiles | null {
    const { tls } = this.#options;
    if (typeof tls !== "string") return tls ?? null;
    try {
      this.#files = readClientFiles(tls);
    } catch (error) {
      if (this.#files === null) throw error;
    }
    return this.#files;
  }

  /**
   * The token for calls to a host; undefined when there is none. Errors: USAGE when the token would go in plain text to
   * another machine, or its file can't be read.
   */
  tokenFor(host: string, isTls = !this.isPlain): string | undefined {
    const token = this.#options.token?.();
    if (token === undefined || isTls || isLoopback(host) || this.#options.insecure === true) return token;
    throw new TrainyardError(
      "USAGE",
      `the token would go to ${host} in plain text: give --tls FOLDER with the ca.crt of the coordinator, or --insecure if the network is yours alone`,
    );
  }
}

/** Nothing at all: plain text, no token. */
export const noSecurity = new ClientSecurity();

/** What TLS needs to verify a server, and to show who calls. */
export const tlsOptionsOf = ({ ca, own }: ClientFiles): Pick<ConnectionOptions, "ca" | "cert" | "key"> => ({
  ca,
  ...own,
});

/** An HTTP request of a client. */
export interface HttpQuestion {
  /** `host:port`, or `https://host:port`. */
  readonly address: string;
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Default: noSecurity. */
  readonly security?: ClientSecurity;
}

/** The answer to an HTTP request. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** Longer answers are no coordinator's. */
const mostBytes = 64 * 1024 * 1024;

/** Asks over HTTP, or over HTTPS where the address says so. Rejects with what failed, the signal's reason included. */
export async function askHttp(question: HttpQuestion): Promise<HttpAnswer> {
  const { path, method, signal, security = noSecurity } = question;
  const { host, port, isTls } = partsOf(question.address);
  const files = isTls ? security.files() : null;
  const token = security.tokenFor(host, isTls);
  const headers = {
    ...question.headers,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const common = { host, port, path, method, headers, signal, agent: false } as const;
  return await new Promise((resolve, reject) => {
    const request = isTls
      ? requestHttps({ ...common, ...(files === null ? {} : tlsOptionsOf(files)) })
      : requestHttp(common);
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > mostBytes) return request.destroy(new Error("its answer is too long"));
        chunks.push(chunk);
      });
      response.once("error", reject);
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    request.end();
  });
}

/** Host, port and scheme of `host:port` or `[::1]:port`, with or without `https://`. */
export function partsOf(address: string): { host: string; port: number; isTls: boolean } {
  const url = new URL(address.includes("://") ? address : `http://${address}`);
  const isTls = url.protocol === "https:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port === "" ? (isTls ? 443 : 80) : url.port),
    isTls,
  };
}
