/**
 * Partials going up: one stream per slice, chunks of at most 1 MiB, each sent when the one before is on its way. A
 * partial is done when every slice acknowledged it; a corrupt arrival is sent again; nothing else is retried here,
 * because a broken stream ends the session and the coordinator hands the lanes out anew. Every wait ends: a stream on
 * which nothing moves for `limits.tensorSilenceMs` counts as broken.
 */
import { crc32c } from "../shared/crc32c.js";
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import { accessOf, TensorConnection, type UploadStream } from "../shared/grpc/tensor-client.js";
import { type AckStatus, UploadAck } from "../shared/grpc/tensor-messages.js";
import { bytesPerElement, encodeVector, type Wire, wireOf } from "../shared/grpc/wire.js";
import { limits } from "../shared/limits.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import type { TreeNode } from "../shared/tree.js";
import type { StepAttempt } from "./watermark.js";

export interface PartialSenderOptions {
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  /** Of gradients; for bfloat16 they must be rounded to it already. Default: float32. */
  readonly wire?: Wire;
  /** The worker's id, which every partial carries. */
  readonly worker: string;
  /** Shown by every stream. Default: none. */
  readonly ticket?: string;
  /** Default: plain text. */
  readonly security?: ClientSecurity;
  /** Asked before a partial's first chunk: nobody waits for it any more. Default: never. */
  readonly isOver?: (at: StepAttempt) => boolean;
  /** Default: limits.tensorSilenceMs. */
  readonly silenceMs?: number;
  readonly onBytes: (bytes: number) => void;
  readonly onBroken: (error: Error) => void;
}

/** One slice's share of a partial on its way. */
interface Upload {
  readonly at: StepAttempt;
  readonly node: TreeNode;
  readonly kind: "GRADIENT" | "INITIAL" | "AUDIT";
  readonly wire: Wire;
  readonly bytes: Buffer;
  readonly crc32c: number;
}

type Sending = Omit<Upload, "wire" | "bytes" | "crc32c">;

export class PartialSender {
  readonly #streams: SliceStream[];

  constructor(options: PartialSenderOptions) {
    this.#streams = options.slices.map((slice) => new SliceStream(options, slice));
  }

  /**
   * Sends a node's sum to every slice; resolves when all have it. `vector`: float32 [parameterCount], unchanged until
   * then. Errors: INTERRUPTED when the step is over, UNREACHABLE when a stream broke, DAMAGED.
   */
  async send(at: StepAttempt, node: TreeNode, vector: Float32Array): Promise<void> {
    await this.#toAll({ at, node, kind: "GRADIENT" }, vector);
  }

  /** Sends what is compared with the node's sum and never added. Otherwise as `send`. */
  async sendAudit(at: StepAttempt, node: TreeNode, vector: Float32Array): Promise<void> {
    await this.#toAll({ at, node, kind: "AUDIT" }, vector);
  }

  /** The initial parameters, once a run. */
  async sendInitial(vector: Float32Array): Promise<void> {
    const at = { step: 0, attempt: 0 };
    await this.#toAll({ at, node: { begin: 0, end: 1 }, kind: "INITIAL" }, vector);
  }

  async #toAll(upload: Sending, vector: Float32Array): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.send(upload, vector)));
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}

/** One slice's stream. Partials go one after another; each is answered before the next is sent. */
class SliceStream {
  readonly #options: PartialSenderOptions;
  readonly #slice: SliceEndpoint;
  readonly #connection: TensorConnection;
  readonly #stream: UploadStream;
  #queue: Promise<void> = Promise.resolve();
  #waiting: { resolve(ack: UploadAck): void; reject(error: Error): void } | undefined;
  #broken: Error | undefined;

  constructor(options: PartialSenderOptions, slice: SliceEndpoint) {
    this.#options = options;
    this.#slice = slice;
    this.#connection = new TensorConnection(`${options.host}:${slice.port}`, accessOf(options));
    this.#stream = this.#connection.upload();
    void this.#hear();
  }

  /** Until the stream is over, which breaks whatever waits for an answer. */
  async #hear(): Promise<void> {
    try {
      for await (const message of this.#stream.messages()) this.#takeAck(message);
      this.#fail(new TrainyardError("UNREACHABLE", "the coordinator ended the upload"));
    } catch (error) {
      this.#fail(asTrainyardError(error, "UNREACHABLE"));
    }
  }

  send(upload: Sending, vector: Float32Array): Promise<void> {
    const wire = wireOf(upload.kind, this.#options.wire ?? "float32");
    const bytes = encodeVector(vector.subarray(this.#slice.begin, this.#slice.end), wire);
    const whole = { ...upload, wire, bytes, crc32c: crc32c(bytes) };
    const sent = this.#queue.then(() => this.#sendUntilWhole(whole));
    this.#queue = sent.catch(() => undefined);
    return sent;
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the upload was closed"));
    this.#connection.close();
  }

  async #sendUntilWhole(upload: Upload): Promise<void> {
    const { at, kind } = upload;
    const isOver = () => kind !== "INITIAL" && this.#options.isOver?.(at) === true;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const status = isOver() ? "STALE" : await this.#sendOnce(upload);
      if (status === "STALE") throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
      if (status !== "CORRUPT") return;
    }
    throw new TrainyardError(
      "DAMAGED",
      `a partial of step ${at.step} arrived corrupt three times: look at the network`,
    );
  }

  /** All chunks, then the answer, which may come early when a chunk is refused. */
  async #sendOnce(upload: Upload): Promise<AckStatus> {
    if (this.#broken !== undefined) throw this.#broken;
    const answer = new Promise<UploadAck>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    answer.catch(() => undefined); // awaited below, after the chunks
    let former = Promise.resolve();
    for (let begin = 0; begin < upload.bytes.byteLength; begin += limits.chunkBytes) {
      if (this.#broken !== undefined) throw this.#broken;
      const sent = this.#sendChunk(upload, begin);
      await this.#inTime(former);
      former = sent; // two at a time: the next is there when the socket has taken one
    }
    const { status } = await this.#inTime(answer);
    return status;
  }

  /** One chunk from byte `begin`; resolves when there is room for the next. */
  #sendChunk({ at, node, kind, wire, bytes, crc32c }: Upload, begin: number): Promise<void> {
    const { run, generation, worker, onBytes } = this.#options;
    const data = bytes.subarray(begin, begin + limits.chunkBytes);
    onBytes(data.byteLength);
    const fields = {
      run,
      generation,
      ...at,
      slice: this.#slice.slice,
      beginLane: node.begin,
      endLane: node.end,
      kind,
      offset: begin / bytesPerElement(wire),
      crc32c,
      worker,
    };
    return this.#stream.send(fields, data);
  }

  #takeAck(message: unknown): void {
    const ack = UploadAck.safeParse(message);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (ack.success && waiting !== undefined) return waiting.resolve(ack.data);
    const error = new TrainyardError("DAMAGED", `slice ${this.#slice.slice} acknowledged what was not sent`);
    this.#fail(error);
    waiting?.reject(error);
  }

  /** Nothing moved for too long: the stream is broken, which ends the wait too. */
  async #inTime<T>(moved: Promise<T>): Promise<T> {
    const { silenceMs = limits.tensorSilenceMs } = this.#options;
    const timer = setTimeout(() => {
      const seconds = silenceMs / 1000;
      this.#fail(
        new TrainyardError("UNREACHABLE", `slice ${this.#slice.slice} took nothing for ${seconds} s`),
      );
    }, silenceMs);
    try {
      return await moved;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the call as well: closing a channel leaves its streams open. */
  #fail(error: Error): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    this.#stream.cancel();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#options.onBroken(error);
  }
}
