/** Runs a run's engine in a thread of its own; each call is a promise. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, TrainyardError } from "../shared/errors.js";
import type { EngineCalls, EngineReply, EngineThreadOptions } from "./engine-calls.js";

interface Waiting {
  resolve(reply: { output: unknown; seconds: number }): void;
  reject(error: Error): void;
}

export class EngineClient {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  /** Why the thread ended. Calls are rejected with it, for they would never be answered. */
  #dead: Error | undefined;

  constructor(options: EngineThreadOptions) {
    this.#thread = new Worker(new URL("./engine-thread.js", import.meta.url), { workerData: options });
    this.#thread.on("message", (reply: EngineReply) => this.#settle(reply));
    this.#thread.on("error", (error) => this.#failAll(error));
    this.#thread.on("exit", (code) =>
      this.#failAll(new TrainyardError("ENGINE", `the engine's thread ended with code ${code}`)),
    );
  }

  /** Resolves with the call's output and the seconds that it took in the engine's thread. */
  call<Name extends keyof EngineCalls>(
    name: Name,
    input: EngineCalls[Name][0],
  ): Promise<{ output: EngineCalls[Name][1]; seconds: number }> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: ({ output, seconds }) => resolve({ output: output as EngineCalls[Name][1], seconds }),
        reject,
      });
      this.#thread.postMessage({ id, name, input });
    });
  }

  /** True once the thread has ended, for whatever reason. Its model is lost. */
  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #settle(reply: EngineReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.tag === "done") waiting?.resolve(reply);
    else waiting?.reject(new TrainyardError(reply.code as ErrorCode, reply.message));
  }

  #failAll(error: Error): void {
    this.#dead ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
