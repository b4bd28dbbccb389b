/**
 * A worker's connection to one slice of the tensor plane: gRPC's protocol on HTTP/2, see tensor-server.ts. One stream of
 * partials up, one of weights down. Slow: the caller's matter. Broken: the sequence of answers ends with an error.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import * as grpc from "@grpc/grpc-js";
import { limits } from "../limits.js";
import { type ClientSecurity, noSecurity } from "../security/client-security.js";
import type { ClientFiles } from "../security/tls-files.js";
import { bytesField, FrameReader, writeFrame } from "./frames.js";
import { keepAlive } from "./keepalive.js";
import { tensorMethods, workerHeader } from "./protocol.js";
import type { TensorCredentials } from "./tensor-server.js";

/** The credentials and TLS files of a worker's tensor streams. */
export interface TensorAccess extends TensorCredentials {
  /** TLS files of the client; null for plain text. */
  readonly tls: ClientFiles | null;
}

/** A worker's HTTP/2 connection to one slice. */
export class TensorConnection {
  readonly #session: ClientHttp2Session;
  readonly #credentials: TensorCredentials;

  /** `address`: host:port. `access`: default none, in plain text. */
  constructor(address: string, { tls, worker, ticket }: TensorAccess = noAccess) {
    this.#credentials = { worker, ticket };
    const settings = { initialWindowSize: limits.receiveWindowBytes };
    this.#session =
      tls === null
        ? connect(`http://${address}`, { settings })
        : connect(`https://${address}`, { settings, ca: tls.ca });
    this.#session.on("error", () => undefined); // its streams tell
    this.#session.once("connect", () => {
      if (this.#session.destroyed) return;
      this.#session.setLocalWindowSize(limits.receiveWindowBytes);
      keepAlive(this.#session);
    });
  }

  upload(): UploadStream {
    return new UploadStream(this.#open(tensorMethods().Upload.path));
  }

  weights(request: object): IncomingStream {
    const { Weights } = tensorMethods();
    const stream = this.#open(Weights.path);
    void writeFrame(stream, { head: Weights.requestSerialize(request) });
    stream.end();
    return new IncomingStream(stream, Weights.responseDeserialize);
  }

  close(): void {
    this.#session.destroy();
  }

  #open(path: string): ClientHttp2Stream {
    const { worker, ticket } = this.#credentials;
    const headers = {
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc+proto",
      te: "trailers",
      ...(worker === "" ? {} : { [workerHeader]: encodeURIComponent(worker) }),
      ...(ticket === "" ? {} : { authorization: `Bearer ${ticket}` }),
    };
    return this.#session.request(headers, { endStream: false });
  }
}

const noAccess: TensorAccess = { tls: null, worker: "", ticket: "" };

/** What a worker's streams show, whatever of it there is. Errors: USAGE when its TLS files can't be used. */
export const accessOf = ({
  worker = "",
  ticket = "",
  security = noSecurity,
}: WorkerCredentials): TensorAccess => ({
  worker,
  ticket,
  tls: security.files(),
});

interface WorkerCredentials extends Partial<TensorCredentials> {
  readonly security?: ClientSecurity;
}

/** What comes down a stream. */
class IncomingStream {
  protected readonly stream: ClientHttp2Stream;
  readonly #reader: FrameReader;
  readonly #deserialize: (bytes: Buffer) => object;
  #refusal: string | undefined;

  constructor(stream: ClientHttp2Stream, deserialize: (bytes: Buffer) => object) {
    this.stream = stream;
    this.#deserialize = deserialize;
    this.#reader = new FrameReader(stream, limits.messageBytes);
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200) this.#refusal ??= `HTTP status ${headers[":status"]}`;
      this.#takeStatus(headers);
    });
    stream.on("trailers", (trailers) => this.#takeStatus(trailers));
  }

  /** Messages until the server ends the stream; the bytes of one are valid until the next. Throws what broke it. */
  async *messages(): AsyncGenerator<object> {
    for await (const bytes of this.#reader.messages()) yield this.#deserialize(bytes);
    if (this.#refusal !== undefined) throw new Error(this.#refusal);
  }

  cancel(): void {
    if (!this.stream.destroyed) this.stream.close(constants.NGHTTP2_CANCEL);
  }

  #takeStatus(headers: Readonly<Record<string, unknown>>): void {
    const status = headers["grpc-status"];
    if (status === undefined || Number(status) === grpc.status.OK) return;
    const message = decodeURI(String(headers["grpc-message"] ?? ""));
    this.#refusal ??= `${status} ${grpc.status[Number(status)] ?? "UNKNOWN"}: ${message}`;
  }
}

export type { IncomingStream };

/** Partials up, answers down. */
export class UploadStream extends IncomingStream {
  constructor(stream: ClientHttp2Stream) {
    super(stream, tensorMethods().Upload.responseDeserialize);
  }

  /** `data` must not change until this resolves, which it does when the stream is over, too. */
  send(fields: object, data: Uint8Array): Promise<void> {
    const { Upload, uploadDataField } = tensorMethods();
    const field = bytesField(uploadDataField, data.byteLength);
    return writeFrame(this.stream, { head: Buffer.concat([Upload.requestSerialize(fields), field]), data });
  }
}
