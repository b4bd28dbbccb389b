/**
 * gRPC's messages on an HTTP/2 stream (github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a flag byte, a length of
 * four, the message), with as few copies as there can be: a message that carries a vector is sent as its head and the
 * vector's own bytes, and received into one buffer that each next message reuses.
 */
import type { Http2Stream } from "node:http2";

const prefixBytes = 5;

/** A message's bytes: the head, then `data` where it lies. Neither may change until `writeFrame` resolves. */
export interface Frame {
  readonly head: Uint8Array;
  readonly data?: Uint8Array;
}

/** Tag and length of a protobuf `bytes` field, which its data follows; fields may come in any order. */
export function bytesField(number: number, length: number): Uint8Array {
  const bytes = [(number << 3) | 2];
  let rest = length;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/**
 * Writes a frame. Resolves when the kernel has its bytes, or when the stream is over; then the caller may reuse them.
 * Never rejects.
 */
export function writeFrame(stream: Http2Stream, { head, data }: Frame): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.resolve();
  const start = Buffer.allocUnsafe(prefixBytes + head.byteLength);
  start[0] = 0;
  start.writeUInt32BE(head.byteLength + (data?.byteLength ?? 0), 1);
  start.set(head, prefixBytes);
  return new Promise((resolve) => {
    const done = () => {
      stream.off("close", done);
      resolve();
    };
    stream.once("close", done);
    stream.cork();
    if (data === undefined) stream.write(start, done);
    else {
      stream.write(start);
      stream.write(data, done);
    }
    stream.uncork();
  });
}

/** Reads one message after another. */
export class FrameReader {
  readonly #stream: Http2Stream;
  readonly #mostBytes: number;
  readonly #prefix = Buffer.alloc(prefixBytes);
  #scratch = Buffer.alloc(0);
  /** Bytes of prefix and message that are here. */
  #received = 0;
  /** Came while a message was in use. */
  readonly #pending: Buffer[] = [];
  #waiting: { resolve(message: Buffer | null): void; reject(error: Error): void } | undefined;
  #end: { readonly error: Error | null } | undefined;

  /** `mostBytes`: a longer message ends the stream with an error before memory is taken for it. */
  constructor(stream: Http2Stream, mostBytes: number) {
    this.#stream = stream;
    this.#mostBytes = mostBytes;
    stream.on("data", (chunk: Buffer) => {
      this.#pending.push(chunk);
      if (this.#waiting === undefined) stream.pause();
      else this.#pump();
    });
    stream.on("end", () => this.#finish(null));
    stream.on("error", (error: Error) => this.#finish(error));
    stream.on("close", () => this.#finish(new Error("the stream was cancelled")));
  }

  /**
   * The next message, which is valid until the next call; null: the peer has said everything. Rejects with what broke
   * the stream, or a message that is too long, compressed or cut off.
   */
  next(): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#pump();
      if (this.#waiting !== undefined && this.#stream.isPaused()) this.#stream.resume();
    });
  }

  async *messages(): AsyncGenerator<Buffer> {
    for (let message = await this.next(); message !== null; message = await this.next()) yield message;
  }

  /** Takes what came until a message is whole. */
  #pump(): void {
    while (this.#waiting !== undefined) {
      const chunk = this.#pending.shift();
      if (chunk === undefined) return this.#settleEnd();
      const used = this.#take(chunk);
      if (used < chunk.length) this.#pending.unshift(chunk.subarray(used));
    }
  }

  /** The bytes of the chunk that belong to the message under way. */
  #take(chunk: Buffer): number {
    let used = 0;
    if (this.#received < prefixBytes) {
      used = chunk.copy(this.#prefix, this.#received, 0, prefixBytes - this.#received);
      this.#received += used;
      if (this.#received < prefixBytes || !this.#begin()) return used;
    }
    const at = this.#received - prefixBytes;
    const taken = chunk.copy(this.#scratch, at, used, used + this.#length - at);
    this.#received += taken;
    if (at + taken === this.#length) this.#deliver();
    return used + taken;
  }

  get #length(): number {
    return this.#prefix.readUInt32BE(1);
  }

  /** False: no message of ours. */
  #begin(): boolean {
    const isPlain = this.#prefix[0] === 0 && this.#length <= this.#mostBytes;
    if (!isPlain) {
      const what = this.#prefix[0] === 0 ? `of ${this.#length} bytes` : "that is compressed";
      this.#finish(new Error(`a message ${what}; at most ${this.#mostBytes} plain ones are taken`));
      this.#pending.length = 0;
    } else if (this.#scratch.length < this.#length) {
      this.#scratch = Buffer.allocUnsafeSlow(this.#length);
    }
    return isPlain;
  }

  #deliver(): void {
    this.#received = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#scratch.subarray(0, this.#length));
  }

  #finish(error: Error | null): void {
    this.#end ??= { error };
    this.#settleEnd();
  }

  #settleEnd(): void {
    if (this.#end === undefined || this.#pending.length > 0) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const isCut = this.#end.error === null && this.#received > 0;
    const error = isCut ? new Error("the stream ended within a message") : this.#end.error;
    if (error === null) waiting?.resolve(null);
    else waiting?.reject(error);
  }
}
