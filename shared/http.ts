/**
 * The small HTTP server of coordinator and worker: /metrics, /healthz, and what its owner adds (pages, JSON, a stop
 * button), over HTTPS and for known callers where there is security, else for loopback. Requests of foreign web pages
 * are refused.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, isIP, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "prom-client";
import { ConnectionLimiter } from "./connection-limiter.js";
import { limits } from "./limits.js";
import { listenError } from "./listen-error.js";
import { credentialsOf } from "./security/http-credentials.js";
import type { Role } from "./security/roles.js";
import { ServerSecurity, serverTlsOptions } from "./security/server-security.js";

/** The answer to an HTTP request. */
export interface HttpReply {
  /** Default 200. */
  readonly status?: number;
  readonly type:
    | "application/json"
    | "text/html; charset=utf-8"
    | "text/plain; charset=utf-8"
    | "text/csv"
    | Registry["contentType"];
  readonly body: string;
}

/** One path of an HTTP server, and who may ask for it. */
export interface HttpRoute {
  /** A POST must carry the header `x-trainyard: <last part of the path>`, which no foreign page can send. */
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The role that a request needs; null lets every peer ask. Default: viewer for GET, operator for POST. */
  readonly role?: Role | null;
  readonly reply: (query: URLSearchParams) => HttpReply | Promise<HttpReply>;
}

/** Settings of an HTTP server. */
export interface MetricsServerOptions {
  /** What /metrics shows. */
  readonly registry: Pick<Registry, "contentType" | "metrics">;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Default: plain HTTP, and every peer may ask. */
  readonly security?: ServerSecurity;
  readonly extraRoutes?: readonly HttpRoute[];
  /** Called with the error of a route that threw; the client gets status 500. */
  readonly onError?: (error: unknown, path: string) => void;
}

/** A running HTTP server. */
export interface MetricsServer {
  /** `host:port`, as others reach it. */
  readonly address: string;
  close(): Promise<void>;
}

/** A JSON answer. */
export const json = (value: unknown, status = 200): HttpReply => ({
  status,
  type: "application/json",
  body: `${JSON.stringify(value)}\n`,
});
/** An HTML answer. */
export const html = (body: string): HttpReply => ({ type: "text/html; charset=utf-8", body });
const text = (body: string, status = 200): HttpReply => ({ status, type: "text/plain; charset=utf-8", body });

/** Resolves when the server listens. Errors: USAGE when the port is taken or not allowed. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const host = options.host ?? "127.0.0.1";
  const routes: HttpRoute[] = [
    { method: "GET", path: "/healthz", role: null, reply: () => text("ok\n") },
    {
      method: "GET",
      path: "/metrics",
      reply: async () => ({ type: options.registry.contentType, body: await options.registry.metrics() }),
    },
    ...(options.extraRoutes ?? []),
  ];
  const { tls } = options.security ?? noSecurity;
  const server = makeServer(tls, (request, response) => {
    answer({ request, response }, routes, options)
      .catch((error: unknown) => {
        options.onError?.(error, request.url ?? "");
        return text("internal error; the log of this process says more\n", 500);
      })
      .then((reply) => send(response, reply));
  });
  server.requestTimeout = limits.httpMs;
  server.headersTimeout = limits.httpMs;
  server.timeout = limits.httpSilenceMs;
  // No connection is identified here for good: when there are too many, the oldest is closed.
  const connections = new ConnectionLimiter({
    unidentified: limits.unidentifiedConnections,
    unidentifiedMs: limits.httpConnectionMs,
  });
  server.on("connection", (socket: Socket) => connections.accept(socket));
  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  return { address: isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`, close: () => close(server) };
}

interface Reply extends Omit<HttpReply, "type"> {
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const noSecurity = ServerSecurity.none();

/** New connections get the certificate that is there then. */
function makeServer(tls: ServerSecurity["tls"], listener: RequestListener): Server {
  const often = { connectionsCheckingInterval: limits.httpLookMs };
  if (tls === null) return createServer(often, listener);
  const server = createHttpsServer({ ...tls.current, ...serverTlsOptions, ...often }, listener);
  const forget = tls.onChange((files) => server.setSecureContext({ ...files }));
  server.once("close", forget);
  return server;
}

/** A request and its answer. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(
  { request, response }: Exchange,
  routes: readonly HttpRoute[],
  options: MetricsServerOptions,
): Promise<Reply> {
  request.resume();
  if (!isOwnHost(request.headers.host, options.host ?? "127.0.0.1")) return text("foreign host name\n", 403);
  const url = urlOf(request);
  if (url === null) return text("not a path\n", 400);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const atPath = routes.filter((route) => route.path === url.pathname);
  const route = atPath.find((candidate) => candidate.method === method);
  const refusal = await refusalOf({ request, response }, route, options.security ?? noSecurity);
  if (refusal !== null) return refusal;
  if (route === undefined)
    return atPath.length > 0 ? text("method not allowed\n", 405) : text("not found\n", 404);
  const guard = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (route.method === "POST" && request.headers["x-trainyard"] !== guard) {
    return text(`needs the header x-trainyard: ${guard}\n`, 403);
  }
  return route.reply(url.searchParams);
}

/** The URL of a request; null when the request names no path, as a request to a proxy does. */
function urlOf({ url = "/" }: IncomingMessage): URL | null {
  try {
    return new URL(url, "http://trainyard.invalid");
  } catch {
    return null;
  }
}

/** Held back at a time, over all callers; more are sent away at once. */
const mostHeld = 64;
let held = 0;

/**
 * The refusal of a request; null when it is allowed. An unknown path needs the role viewer, so that only viewers learn
 * that it does not exist. An answer that is still under way when its caller's token is revoked is cut off.
 */
async function refusalOf(
  { request, response }: Exchange,
  route: HttpRoute | undefined,
  security: ServerSecurity,
): Promise<Reply | null> {
  const needed = route?.role === undefined ? defaultRole(request) : route.role;
  if (needed === null || security.openToAll) return null;
  const credentials = credentialsOf(request);
  const verdict = security.admit(credentials, needed, () => request.socket.destroy());
  if (verdict.tag === "allowed") {
    if (response.destroyed) verdict.release();
    else response.once("close", verdict.release);
    return null;
  }
  if (verdict.tag === "forbidden") return text(`${verdict.sentence}\n`, 403);
  const heldMs =
    credentials.token === undefined ? 0 : security.attempts.recordFailure(request.socket.remoteAddress ?? "");
  if (heldMs > 0 && held >= mostHeld) return text("too many failed attempts\n", 429);
  held += 1;
  await sleep(heldMs);
  held -= 1;
  const headers = { "www-authenticate": 'Basic realm="Trainyard: a token as password", charset="UTF-8"' };
  return { ...text(`${verdict.sentence}\n`, 401), headers };
}

const defaultRole = ({ method }: IncomingMessage): Role =>
  method === "GET" || method === "HEAD" ? "viewer" : "operator";

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
    ...reply.headers,
  });
  response.end(response.req.method === "HEAD" ? undefined : reply.body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
