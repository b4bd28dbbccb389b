/**
 * The tensor plane's server on HTTP/2: gRPC's protocol, so that any gRPC client can speak to it, without grpc-js between
 * the vectors and the sockets, which copies each byte three times more and leaves HTTP/2's window at 64 KiB.
 */
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  type Settings,
} from "node:http2";
import type { Socket } from "node:net";
import { addAbortSignal } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import { ConnectionLimiter } from "../connection-limiter.js";
import { limits } from "../limits.js";
import { listenError } from "../listen-error.js";
import type { ServerFiles } from "../security/tls-files.js";
import { bearerToken } from "./authorization.js";
import { bytesField, type Frame, FrameReader, writeFrame } from "./frames.js";
import { keepAlive } from "./keepalive.js";
import { tensorMethods, workerHeader } from "./protocol.js";
import { oneLine } from "./texts.js";

/** What a stream says of whom it is from. */
export interface TensorCredentials {
  /** The worker's id; empty: it names none. */
  readonly worker: string;
  /** Empty: it has none. */
  readonly ticket: string;
}

/** One stream of a worker, as the server sees it. */
interface Call {
  readonly credentials: TensorCredentials;
  /** The stream is gone: nothing that is sent arrives. */
  readonly isOver: boolean;
  /** Calls back once it is gone. Returns what calls that off. */
  onOver(listener: () => void): () => void;
  /** Ends the stream now, whatever is on its way. */
  cut(): void;
  /** Ends the stream with a status that names the reason; default INVALID_ARGUMENT. */
  refuse(details: string, code?: grpc.status): void;
}

/** One upload stream on the server. */
export interface UploadCall extends Call {
  /** Decoded chunks; the data of one is valid until the next is asked for. Throws what broke the stream. */
  messages(): AsyncIterable<unknown>;
  /** Resolves when the answer is with the kernel, or the stream is over. */
  acknowledge(ack: object): Promise<void>;
  end(): void;
}

/** One weights stream on the server. */
export interface WeightsCall extends Call {
  readonly request: unknown;
  /** `data` must not change until this resolves, which it does when the stream is over, too. */
  send(chunk: OutgoingChunk): Promise<void>;
}

/** A chunk of weights: its fields, and `data` where it lies. */
export interface OutgoingChunk {
  readonly fields: object;
  readonly data: Uint8Array;
}

/** The functions that serve the streams of a slice. */
export interface TensorHandlers {
  upload(call: UploadCall): void;
  weights(call: WeightsCall): void;
}

/** What a reducer listens with; a simulation brings its own. */
export interface TensorListener {
  /** Returns the port. Errors: USAGE when the address can't be had. */
  listen(handlers: TensorHandlers, at: ListenAddress): Promise<number>;
  /** New connections are met with this certificate. */
  renew(files: ServerFiles): void;
  /** No new connections; those there are end with the thread. */
  close(): void;
}

/** The address and certificate of a slice's server. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** HTTP/2 window of each connection and stream. */
  readonly receiveWindowBytes: number;
  /** TLS files of the server; null for plain text. */
  readonly tls: ServerFiles | null;
}

/** The HTTP/2 server of one slice. */
export class Http2TensorServer implements TensorListener {
  readonly #connections = new ConnectionLimiter({
    unidentified: limits.unidentifiedConnections,
    unidentifiedMs: limits.helloMs,
  });
  #server: Http2Server | Http2SecureServer | undefined;

  listen(handlers: TensorHandlers, { host, port, receiveWindowBytes, tls }: ListenAddress): Promise<number> {
    const settings = {
      initialWindowSize: receiveWindowBytes,
      maxConcurrentStreams: 2 * limits.tensorStreams,
    };
    const server = makeServer(settings, tls);
    this.#server = server;
    server.on("connection", (socket: Socket) => this.#connections.accept(socket));
    server.on("session", (session) => {
      session.on("error", () => undefined); // its streams tell
      if (session.destroyed) return;
      session.setLocalWindowSize(receiveWindowBytes);
      keepAlive(session);
    });
    server.on("stream", (stream, headers) => {
      void serve(handlers, stream, headers).then((isAdmitted) => {
        const { socket } = stream.session ?? {};
        if (isAdmitted && socket !== undefined) stream.once("close", this.#connections.identify(socket));
      });
    });
    return new Promise((resolve, reject) => {
      server.once("error", (error) => reject(listenError(error, host, port)));
      server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
        resolve((server.address() as { readonly port: number }).port);
      });
    });
  }

  renew({ cert, key }: ServerFiles): void {
    if (this.#server !== undefined && "setSecureContext" in this.#server)
      this.#server.setSecureContext({ cert, key });
  }

  close(): void {
    this.#server?.close();
  }

  /**
   * Ends every stream now, as the end of the process would. By their sockets: Node aborts the process when a session
   * that was closed or destroyed still gets a new stream's data.
   */
  destroy(): void {
    this.close();
    this.#connections.closeAll();
  }
}

/** Makes the HTTP/2 server. It asks for no client certificate, because a worker is identified by its ticket. */
function makeServer(settings: Settings, tls: ServerFiles | null): Http2Server | Http2SecureServer {
  if (tls === null) return createServer({ settings });
  const { cert, key } = tls;
  const server = createSecureServer({ settings, cert, key, handshakeTimeout: limits.handshakeMs });
  // A connection that breaks after its handshake and before it is a session has no other listener.
  server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  return server;
}

/** The answer to a call of another service, from a client that was given the wrong port. */
const noTensorCall =
  "this is a coordinator's tensor port, not its control port: give the port of --port (7070)";

/** True: the stream was not refused. */
async function serve(
  handlers: TensorHandlers,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<boolean> {
  stream.on("error", () => undefined); // reader and writer see that the stream ends
  // Its peer may have cancelled it already, or speak HTTP and no gRPC.
  if (stream.destroyed || stream.closed) return false;
  const type = String(headers["content-type"] ?? "");
  if (headers[":method"] !== "POST" || !type.startsWith("application/grpc")) {
    stream.respond({ ":status": 415 }, { endStream: true });
    stream.close(constants.NGHTTP2_NO_ERROR);
    return false;
  }
  const { Upload, Weights } = tensorMethods();
  const mostBytes = limits.envelopeBytes + (headers[":path"] === Upload.path ? limits.chunkBytes : 0);
  const call = new ServerCall(stream, credentialsOf(headers), mostBytes);
  switch (headers[":path"]) {
    case Upload.path:
      handlers.upload(call);
      break;
    case Weights.path: {
      const request = await call.first(Weights.requestDeserialize);
      if (request !== null) handlers.weights(Object.assign(call, { request }));
      break;
    }
    default:
      call.refuse(noTensorCall, grpc.status.FAILED_PRECONDITION);
  }
  return !call.isOver;
}

/** Headers as tensor-client.ts sends them. */
function credentialsOf(headers: IncomingHttpHeaders): TensorCredentials {
  const ticket = bearerToken(headers.authorization) ?? "";
  return { worker: decodedWorker(String(headers[workerHeader] ?? "")), ticket };
}

function decodedWorker(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return ""; // no worker is called so
  }
}

class ServerCall implements UploadCall {
  readonly credentials: TensorCredentials;
  readonly #stream: ServerHttp2Stream;
  readonly #reader: FrameReader;
  #status: { readonly code: number; readonly details: string } = { code: grpc.status.OK, details: "" };

  /** `mostBytes`: of one message. */
  constructor(stream: ServerHttp2Stream, credentials: TensorCredentials, mostBytes: number) {
    this.credentials = credentials;
    this.#stream = stream;
    this.#reader = new FrameReader(stream, mostBytes);
    stream.on("wantTrailers", () => {
      if (stream.closed) return;
      const { code, details } = this.#status;
      stream.sendTrailers({ "grpc-status": String(code), "grpc-message": messageOf(details) });
      // After the status, a peer that goes on sending is cut off.
      setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    });
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  }

  get isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed || this.#stream.writableEnded;
  }

  onOver(listener: () => void): () => void {
    this.#stream.once("close", listener);
    return () => this.#stream.off("close", listener);
  }

  async *messages(): AsyncGenerator<unknown> {
    const { requestDeserialize } = tensorMethods().Upload;
    for await (const bytes of this.#reader.messages()) yield requestDeserialize(bytes);
  }

  /** The first message; null when none arrived or it could not be decoded. */
  async first(deserialize: (bytes: Buffer) => object): Promise<object | null> {
    try {
      const bytes = await this.#reader.next();
      return bytes === null ? null : deserialize(bytes);
    } catch (error) {
      this.refuse(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  acknowledge(ack: object): Promise<void> {
    return writeFrame(this.#stream, { head: tensorMethods().Upload.responseSerialize(ack) });
  }

  send({ fields, data }: OutgoingChunk): Promise<void> {
    return writeFrame(this.#stream, weightsFrame(fields, data));
  }

  end(): void {
    if (!this.isOver) this.#stream.end();
  }

  cut(): void {
    // Not closed with a code: Node 20 then sends empty frames for ever, in a loop that takes all memory, when the peer has
    // stopped reading in the middle of a message. Destroyed by a signal, it tells the peer CANCEL.
    if (!this.#stream.destroyed) addAbortSignal(AbortSignal.abort(), this.#stream);
  }

  refuse(details: string, code: grpc.status = grpc.status.INVALID_ARGUMENT): void {
    if (this.isOver) return;
    this.#status = { code, details };
    this.#stream.end();
    this.#stream.removeAllListeners("data");
    this.#stream.resume(); // what is still on its way is passed over
    // A peer that does not read what was sent before never takes the status.
    const timer = setTimeout(() => this.cut(), limits.refusedStreamMs);
    this.#stream.once("close", () => clearTimeout(timer));
  }
}

/** A header's text: percent-encoded, of a length that any peer takes. */
const messageOf = (details: string) => encodeURI(oneLine(details.slice(0, 500)));

function weightsFrame(fields: object, data: Uint8Array): Frame {
  const { Weights, weightsDataField } = tensorMethods();
  const field = bytesField(weightsDataField, data.byteLength);
  return { head: Buffer.concat([Weights.responseSerialize(fields), field]), data };
}
