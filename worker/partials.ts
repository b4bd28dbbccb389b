/**
 * Partials going up: one stream per slice, chunks of at most 1 MiB, `drain` awaited. A partial is done when every
 * slice acknowledged it; a corrupt arrival is sent again; nothing else is retried here, because a broken stream
 * ends the session and the coordinator hands the lanes out anew.
 */
import * as grpc from "@grpc/grpc-js";
import { crc32c } from "../shared/crc32c.js";
import { TrainyardError } from "../shared/errors.js";
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import { bytesOf } from "../shared/grpc/numbers.js";
import { channelOptions, tensorService } from "../shared/grpc/protocol.js";
import { type AckStatus, UploadAck } from "../shared/grpc/tensor-messages.js";
import { limits } from "../shared/limits.js";
import type { TreeNode } from "../shared/tree.js";

type UploadCall = grpc.ClientDuplexStream<object, unknown>;

export interface PartialsOptions {
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  readonly onBytes: (bytes: number) => void;
  readonly onBroken: (error: Error) => void;
}

export class PartialsSender {
  readonly #streams: SliceStream[];

  constructor(options: PartialsOptions) {
    this.#streams = options.slices.map((slice) => new SliceStream(options, slice));
  }

  /** Sends a node's sum to every slice; resolves when all have it. `vector`: float32 [parameterCount]. */
  async send(step: number, node: TreeNode, vector: Float32Array): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.send(step, node, "GRADIENT", vector)));
  }

  /** The initial parameters, once a run. */
  async sendInitial(vector: Float32Array): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.send(0, { begin: 0, end: 1 }, "INITIAL", vector)));
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}

/** One slice's stream. Partials go one after another; acknowledgements come in the same order. */
class SliceStream {
  readonly #options: PartialsOptions;
  readonly #slice: SliceEndpoint;
  readonly #client: grpc.Client;
  readonly #call: UploadCall;
  #queue: Promise<void> = Promise.resolve();
  readonly #acks: { resolve(status: AckStatus): void; reject(error: Error): void }[] = [];
  #broken: Error | undefined;

  constructor(options: PartialsOptions, slice: SliceEndpoint) {
    this.#options = options;
    this.#slice = slice;
    this.#client = new (tensorService())(
      `${options.host}:${slice.port}`,
      grpc.credentials.createInsecure(),
      channelOptions,
    );
    const upload = this.#client["upload" as keyof grpc.Client] as unknown as () => UploadCall;
    this.#call = upload.call(this.#client);
    this.#call.on("data", (message: unknown) => this.#acks.shift()?.resolve(UploadAck.parse(message).status));
    this.#call.on("error", (error: Error) => this.#fail(error));
    this.#call.on("end", () =>
      this.#fail(new TrainyardError("UNREACHABLE", "the coordinator ended the upload")),
    );
  }

  send(step: number, node: TreeNode, kind: "GRADIENT" | "INITIAL", vector: Float32Array): Promise<void> {
    const values = vector.subarray(this.#slice.begin, this.#slice.end);
    const sent = this.#queue.then(() => this.#sendUntilWhole(step, node, kind, bytesOf(values)));
    this.#queue = sent.catch(() => undefined);
    return sent;
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the upload was closed"));
    this.#call.end();
    this.#client.close();
  }

  async #sendUntilWhole(step: number, node: TreeNode, kind: string, bytes: Buffer): Promise<void> {
    const checksum = crc32c(bytes);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const ack = this.#nextAck();
      await this.#sendOnce(step, node, kind, bytes, checksum);
      if ((await ack) !== "CORRUPT") return;
    }
    throw new TrainyardError(
      "DAMAGED",
      `a partial of step ${step} arrived corrupt three times: look at the network`,
    );
  }

  #nextAck(): Promise<AckStatus> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const ack = new Promise<AckStatus>((resolve, reject) => this.#acks.push({ resolve, reject }));
    ack.catch(() => undefined); // awaited below, after the chunks
    return ack;
  }

  async #sendOnce(
    step: number,
    node: TreeNode,
    kind: string,
    bytes: Buffer,
    checksum: number,
  ): Promise<void> {
    const { run, generation, onBytes } = this.#options;
    for (let at = 0; at < bytes.byteLength; at += limits.chunkBytes) {
      if (this.#broken !== undefined) throw this.#broken;
      const data = bytes.subarray(at, at + limits.chunkBytes);
      const isRoomLeft = this.#call.write({
        run,
        generation,
        step,
        slice: this.#slice.slice,
        beginLane: node.begin,
        endLane: node.end,
        kind,
        offset: at / 4,
        data,
        crc32c: checksum,
      });
      onBytes(data.byteLength);
      if (!isRoomLeft) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#call.off("drain", done);
        this.#call.off("close", done);
        this.#call.off("error", done);
        resolve();
      };
      this.#call.on("drain", done);
      this.#call.on("close", done);
      this.#call.on("error", done);
    });
  }

  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    for (const ack of this.#acks.splice(0)) ack.reject(error);
    this.#options.onBroken(error);
  }
}
