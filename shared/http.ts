/**
 * The small HTTP server of coordinator and worker: /metrics, /healthz, and what its owner adds (pages, JSON, a stop
 * button). No TLS and no identity, so it is for loopback; requests of foreign web pages are refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import type { Registry } from "prom-client";
import { TrainyardError } from "./errors.js";

export interface HttpReply {
  /** Default 200. */
  readonly status?: number;
  readonly type: "application/json" | "text/html; charset=utf-8" | "text/plain; charset=utf-8" | "text/csv";
  readonly body: string;
}

export interface HttpRoute {
  /** A POST must carry the header `x-trainyard: <last part of the path>`, which no foreign page can send. */
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly reply: (query: URLSearchParams) => HttpReply | Promise<HttpReply>;
}

export interface MetricsServerOptions {
  readonly registry: Registry;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly extraRoutes?: readonly HttpRoute[];
  /** Told of routes that threw; the caller gets a 500. */
  readonly onError?: (error: unknown, path: string) => void;
}

export interface MetricsServer {
  /** `host:port`, as others reach it. */
  readonly address: string;
  close(): Promise<void>;
}

export const json = (value: unknown, status = 200): HttpReply => ({
  status,
  type: "application/json",
  body: `${JSON.stringify(value)}\n`,
});
export const html = (body: string): HttpReply => ({ type: "text/html; charset=utf-8", body });
const text = (body: string, status = 200): HttpReply => ({ status, type: "text/plain; charset=utf-8", body });

/** Resolves when the server listens. Errors: USAGE when the port is taken or not allowed. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const host = options.host ?? "127.0.0.1";
  const routes: HttpRoute[] = [
    { method: "GET", path: "/healthz", reply: () => text("ok\n") },
    ...(options.extraRoutes ?? []),
  ];
  const server = createServer((request, response) => {
    answer(request, routes, options)
      .catch((error: unknown) => {
        options.onError?.(error, request.url ?? "");
        return text("internal error; the log of this process says more\n", 500);
      })
      .then((reply) => send(response, reply));
  });
  server.requestTimeout = 10_000;
  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  return { address: isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`, close: () => close(server) };
}

type Reply = HttpReply | { readonly status?: number; readonly type: string; readonly body: string };

async function answer(
  request: IncomingMessage,
  routes: readonly HttpRoute[],
  options: MetricsServerOptions,
): Promise<Reply> {
  request.resume();
  if (!isOwnHost(request.headers.host, options.host ?? "127.0.0.1")) return text("foreign host name\n", 403);
  const url = new URL(request.url ?? "/", "http://trainyard.invalid");
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (url.pathname === "/metrics" && method === "GET") {
    return { type: options.registry.contentType, body: await options.registry.metrics() };
  }
  const atPath = routes.filter((route) => route.path === url.pathname);
  const route = atPath.find((candidate) => candidate.method === method);
  if (route === undefined)
    return atPath.length > 0 ? text("method not allowed\n", 405) : text("not found\n", 404);
  const guard = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (route.method === "POST" && request.headers["x-trainyard"] !== guard) {
    return text(`needs the header x-trainyard: ${guard}\n`, 403);
  }
  return route.reply(url.searchParams);
}

/**
 * On loopback only loopback names reach us: a web page whose name was re-pointed at 127.0.0.1 (DNS rebinding)
 * sends its own name.
 */
function isOwnHost(header: string | undefined, boundTo: string): boolean {
  if (boundTo !== "127.0.0.1" && boundTo !== "::1" && boundTo !== "localhost") return true;
  const name = (header ?? "localhost").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || isIP(name) !== 0;
}

function send(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status ?? 200, {
    "content-type": reply.type,
    "content-length": Buffer.byteLength(reply.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(response.req.method === "HEAD" ? undefined : reply.body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "it is taken" : (error.code ?? error.message);
      reject(new TrainyardError("USAGE", `can't serve HTTP on ${host}:${port}: ${why}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
