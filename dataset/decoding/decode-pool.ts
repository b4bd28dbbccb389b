/**
 * A worker's threads for decoding: as many as the work asks for, up to a limit. What was asked for first is decoded
 * first, so the order of need is the caller's order of asking. Owns the threads and the queue; no pixels.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { imageBytesOf } from "../../shared/spec.js";
import type { DecodeReply, DecodeThreadOptions } from "./decode-messages.js";
import type { DecodedImage, ImageDecoder } from "./image-decoder.js";

interface Job {
  readonly files: readonly Uint8Array[];
  resolve(images: DecodedImage[]): void;
  reject(error: Error): void;
}

/** The next one is there when the thread is done with one. */
const jobsPerThread = 2;

export class DecodePool implements ImageDecoder {
  readonly #options: DecodeThreadOptions;
  readonly #most: number;
  readonly #threads = new Set<DecodeThread>();
  readonly #queue: Job[] = [];
  #isClosed = false;

  /** Starts the first thread; whoever is asked before it is ready waits. */
  constructor(options: DecodeThreadOptions, most = defaultThreads()) {
    this.#options = options;
    this.#most = most;
    this.#start();
  }

  get threads(): number {
    return this.#threads.size;
  }

  /** Errors: FAILED when a thread dies over it, INTERRUPTED once the pool is closed. */
  decode(files: readonly Uint8Array[]): Promise<DecodedImage[]> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#queue.push({ files, resolve, reject });
      this.#handOut();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#queue.splice(0)) job.reject(closed());
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  /** To the least busy thread with room; another one is started when all are busy and there is more to do. */
  #handOut(): void {
    while (this.#queue.length > 0) {
      const [least] = [...this.#threads].sort((a, b) => a.jobs - b.jobs);
      if (least === undefined || (least.jobs >= jobsPerThread && this.#threads.size < this.#most)) {
        this.#start();
        continue;
      }
      if (least.jobs >= jobsPerThread) return;
      least.take(this.#queue.shift() as Job);
    }
  }

  #start(): void {
    const thread = new DecodeThread(this.#options, {
      onDone: () => this.#handOut(),
      onEnd: () => {
        this.#threads.delete(thread);
        if (!this.#isClosed) this.#handOut();
      },
    });
    this.#threads.add(thread);
  }
}

class DecodeThread {
  readonly #thread: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly #imageBytes: number;
  readonly #onDone: () => void;
  #last = 0;

  constructor(options: DecodeThreadOptions, { onDone, onEnd }: { onDone: () => void; onEnd: () => void }) {
    this.#imageBytes = imageBytesOf(options.image);
    this.#onDone = onDone;
    this.#thread = new Worker(new URL("./decode-thread.js", import.meta.url), { workerData: options });
    let reason = "it ended";
    this.#thread.on("message", (reply: DecodeReply) => this.#settle(reply));
    this.#thread.on("error", (error) => {
      reason = error.message;
    });
    this.#thread.on("exit", () => {
      this.#drop(new TrainyardError("FAILED", `a thread that decodes images is gone: ${reason}`));
      onEnd();
    });
  }

  get jobs(): number {
    return this.#jobs.size;
  }

  /** The files are copied here, not before: what waits in the queue costs nothing. */
  take(job: Job): void {
    this.#last += 1;
    const ends: number[] = [];
    let end = 0;
    for (const file of job.files) {
      end += file.length;
      ends.push(end);
    }
    const bytes = new Uint8Array(end);
    job.files.forEach((file, at) => {
      bytes.set(file, ends[at - 1] ?? 0);
    });
    this.#jobs.set(this.#last, job);
    this.#thread.postMessage({ id: this.#last, bytes, ends }, [bytes.buffer]);
  }

  async close(): Promise<void> {
    this.#drop(closed());
    await this.#thread.terminate();
  }

  #drop(why: TrainyardError): void {
    for (const job of this.#jobs.values()) job.reject(why);
    this.#jobs.clear();
  }

  #settle({ id, images, failures }: DecodeReply): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    const decoded: DecodedImage[] = Array.from({ length: job?.files.length ?? 0 }, (_, at) =>
      images.subarray(at * this.#imageBytes, (at + 1) * this.#imageBytes),
    );
    for (const [at, message] of failures) decoded[at] = new TrainyardError("INPUT", message);
    job?.resolve(decoded);
    this.#onDone();
  }
}

/** Half of the processors: the other half is the engine's, which needs about as long for a small image. */
const defaultThreads = () =>
  Math.max(1, Math.min(Math.floor(availableParallelism() / 2), limits.decodeThreads));

const closed = () => new TrainyardError("INTERRUPTED", "the worker is closing");
