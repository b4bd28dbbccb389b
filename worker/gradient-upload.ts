/**
 * Where gradients leave this machine. A partial, the sum of a tree node's lanes, goes up in as many parts as there are
 * slices, each on a stream of its own, in chunks of at most limits.chunkBytes. It is done when every slice has
 * acknowledged its part. A part that arrived corrupt is sent again. Nothing else is retried here: a broken stream ends
 * the session, and the coordinator gives the lanes out anew. A stream on which nothing moves for limits.tensorSilenceMs
 * counts as broken, so every wait ends.
 */
import { type Clock, realClock } from "../shared/clock.js";
import { crc32c } from "../shared/crc32c.js";
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import { accessOf, TensorConnection, type UploadStream } from "../shared/grpc/tensor-client.js";
import { type AckStatus, UploadAck } from "../shared/grpc/tensor-messages.js";
import { bytesPerElement, encodeVector, type Wire, wireOf } from "../shared/grpc/wire.js";
import { limits } from "../shared/limits.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import type { TreeNode } from "../shared/tree.js";
import type { StepAttempt } from "./step-watermark.js";

export interface PartialSenderOptions {
  /** Default: the real one. */
  readonly clock?: Clock;
  /** The coordinator's host; each slice names its port. */
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  /** How gradients are encoded; for bfloat16 they must be rounded to it already. Default: float32. */
  readonly wire?: Wire;
  /** The worker's id, which every partial carries. */
  readonly worker: string;
  /** Every stream shows it. Default: none. */
  readonly ticket?: string;
  /** Default: plain text. */
  readonly security?: ClientSecurity;
  /** Asked before a partial's first chunk: is the partial's step over, so that it need not be sent? Default: never. */
  readonly isOver?: (at: StepAttempt) => boolean;
  /** Default: limits.tensorSilenceMs. */
  readonly silenceMs?: number;
  /** Called with the size of each chunk that is sent. */
  readonly onBytes: (bytes: number) => void;
  /** Called once, when a stream broke or was closed. */
  readonly onBroken: (error: Error) => void;
}

type Kind = "GRADIENT" | "INITIAL" | "AUDIT";

interface Partial {
  readonly at: StepAttempt;
  readonly node: TreeNode;
  readonly kind: Kind;
}

/** One slice's part of a partial. */
interface Part extends Partial {
  readonly wire: Wire;
  readonly bytes: Buffer;
  readonly crc32c: number;
}

/** How often a part is sent before the network counts as damaged. */
const attempts = 3;

export class PartialSender {
  readonly #streams: SliceStream[];

  constructor(options: PartialSenderOptions) {
    this.#streams = options.slices.map((slice) => new SliceStream(options, slice));
  }

  /**
   * Sends a node's sum to every slice; resolves when all have acknowledged it. A slice that gets it twice adds it once.
   * `vector`: float32 [parameterCount], unchanged until then. Errors: INTERRUPTED when the step is over, UNREACHABLE when
   * a stream broke, DAMAGED when it arrived corrupt each time.
   */
  async send(at: StepAttempt, node: TreeNode, vector: Float32Array, kind: Kind = "GRADIENT"): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.send({ at, node, kind }, vector)));
  }

  /** Sends a sum that the slices compare with the node's and never add. Otherwise like `send`. */
  async sendAudit(at: StepAttempt, node: TreeNode, vector: Float32Array): Promise<void> {
    await this.send(at, node, vector, "AUDIT");
  }

  /** Sends the initial parameters, once a run. `vector` and errors as in `send`. */
  async sendInitial(vector: Float32Array): Promise<void> {
    await this.send({ step: 0, attempt: 0 }, { begin: 0, end: 1 }, vector, "INITIAL");
  }

  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}

/** One slice's stream. Parts go one after another; each is acknowledged before the next is sent. */
class SliceStream {
  readonly #options: PartialSenderOptions;
  readonly #slice: SliceEndpoint;
  readonly #connection: TensorConnection;
  readonly #stream: UploadStream;
  /** Resolves when the parts so far have been sent, or have failed. */
  #former: Promise<void> = Promise.resolve();
  #waiting: { resolve(ack: UploadAck): void; reject(error: Error): void } | undefined;
  #broken: Error | undefined;

  constructor(options: PartialSenderOptions, slice: SliceEndpoint) {
    this.#options = options;
    this.#slice = slice;
    this.#connection = new TensorConnection(`${options.host}:${slice.port}`, accessOf(options));
    this.#stream = this.#connection.upload();
    void this.#readAcknowledgements();
  }

  /** Encodes the slice's part at once, waits for its turn, and sends it until it has arrived whole. */
  async send(partial: Partial, vector: Float32Array): Promise<void> {
    const { isOver, wire: gradientWire = "float32" } = this.#options;
    const { at, kind } = partial;
    const wire = wireOf(kind, gradientWire);
    const bytes = encodeVector(vector.subarray(this.#slice.begin, this.#slice.end), wire);
    const part = { ...partial, wire, bytes, crc32c: crc32c(bytes) };
    const sent = this.#former.then(async () => {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const isStale = kind !== "INITIAL" && isOver?.(at) === true;
        const status = isStale ? "STALE" : await this.#sendChunks(part);
        if (status === "STALE") throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
        if (status !== "CORRUPT") return;
      }
      const sentence = `a partial of step ${at.step} arrived corrupt ${attempts} times: look at the network`;
      throw new TrainyardError("DAMAGED", sentence);
    });
    this.#former = sent.catch(() => undefined);
    await sent;
  }

  /** Sends all chunks and waits for the acknowledgement, which may come early when a chunk is refused. */
  async #sendChunks({ at, node, kind, wire, bytes, crc32c }: Part): Promise<AckStatus> {
    const { run, generation, worker, onBytes } = this.#options;
    const lanes = { beginLane: node.begin, endLane: node.end };
    const fields = { run, generation, worker, slice: this.#slice.slice, ...at, ...lanes, kind, crc32c };
    const acknowledged = this.#nextAcknowledgement();
    let former = Promise.resolve();
    for (let begin = 0; begin < bytes.byteLength; begin += limits.chunkBytes) {
      if (this.#broken !== undefined) throw this.#broken;
      const data = bytes.subarray(begin, begin + limits.chunkBytes);
      onBytes(data.byteLength);
      const sent = this.#stream.send({ ...fields, offset: begin / bytesPerElement(wire) }, data);
      await this.#inTime(former);
      former = sent; // two at a time: the next is there when the socket has taken one
    }
    return (await this.#inTime(acknowledged)).status;
  }

  /** Errors: what broke the stream. */
  #nextAcknowledgement(): Promise<UploadAck> {
    if (this.#broken !== undefined) throw this.#broken;
    const acknowledged = new Promise<UploadAck>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    acknowledged.catch(() => undefined); // awaited after the chunks
    return acknowledged;
  }

  /** Reads until the stream is over, which breaks whatever waits for an acknowledgement. */
  async #readAcknowledgements(): Promise<void> {
    try {
      for await (const message of this.#stream.messages()) this.#takeAcknowledgement(message);
      this.#fail(new TrainyardError("UNREACHABLE", "the coordinator ended the upload"));
    } catch (error) {
      this.#fail(asTrainyardError(error, "UNREACHABLE"));
    }
  }

  #takeAcknowledgement(message: unknown): void {
    const ack = UploadAck.safeParse(message);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (ack.success && waiting !== undefined) return waiting.resolve(ack.data);
    const error = new TrainyardError("DAMAGED", `slice ${this.#slice.slice} acknowledged what was not sent`);
    this.#fail(error);
    waiting?.reject(error);
  }

  /** Waits for `moved`. When it takes too long the stream is broken, which ends the wait too. */
  async #inTime<T>(moved: Promise<T>): Promise<T> {
    const { clock = realClock, silenceMs = limits.tensorSilenceMs } = this.#options;
    const sentence = `slice ${this.#slice.slice} took nothing for ${silenceMs / 1000} s`;
    const callOff = clock.after(silenceMs, () => this.#fail(new TrainyardError("UNREACHABLE", sentence)));
    try {
      return await moved;
    } finally {
      callOff();
    }
  }

  close(): void {
    this.#fail(new TrainyardError("UNREACHABLE", "the upload was closed"));
    this.#connection.close();
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
