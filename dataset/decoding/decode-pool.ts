/**
 * A pool of threads that decode images: as many threads as the work needs, up to a limit. Requests are served in the
 * order in which they arrive. decode-thread.ts is what runs in each thread.
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

/** Requests that a thread holds at a time, so that the next one is there when it has finished one. */
const jobsPerThread = 2;

/** Decodes images in threads of its own. The caller closes it. */
export class DecodePool implements ImageDecoder {
  readonly #options: DecodeThreadOptions;
  readonly #most: number;
  readonly #threads = new Set<DecodeThread>();
  readonly #queue: Job[] = [];
  #isClosed = false;

  /** Starts the first thread; requests wait until it is ready. */
  constructor(options: DecodeThreadOptions, most = defaultThreads()) {
    this.#options = options;
    this.#most = most;
    this.#start();
  }

  /** Number of threads that run now. */
  get threads(): number {
    return this.#threads.size;
  }

  /** One outcome for each file, in order. Errors: FAILED when the thread dies, INTERRUPTED when the pool is closed. */
  decode(files: readonly Uint8Array[]): Promise<DecodedImage[]> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#queue.push({ files, resolve, reject });
      this.#handOut();
    });
  }

  /** Ends the threads; requests that are not answered yet fail with INTERRUPTED. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#queue.splice(0)) job.reject(closed());
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  /** Gives requests to the least busy thread that has room; starts another thread when all are busy. */
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

/** One thread of the pool, and the requests that it has not answered yet. */
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

  /** Sends a request to the thread. The files are copied only now, so a request in the queue takes no memory. */
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

/** Half of the processors. The engine, which takes about as long for a small image, needs the other half. */
const defaultThreads = () =>
  Math.max(1, Math.min(Math.floor(availableParallelism() / 2), limits.decodeThreads));

const closed = () => new TrainyardError("INTERRUPTED", "the worker is closing");
