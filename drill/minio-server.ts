/**
 * A MinIO server of this process' own on loopback: started from its program, ended as by a crash, started again on the
 * same port with the same data. Whose data it is, and when it is hurt, is its owner's business.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TrainyardError } from "../shared/errors.js";

export interface MinioOptions {
  /** The server's program. */
  readonly binary: string;
  /** Folder of the server's data, with one folder per bucket. */
  readonly data: string;
  readonly home: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  /** File descriptor of its log; default: nowhere. */
  readonly log?: number;
  /** In a process group of its own, which Ctrl-C does not reach. */
  readonly isDetached?: boolean;
}

/** How long it may take to answer. */
const answerMs = 60_000;

export class MinioServer {
  readonly #port: number;
  readonly #child: ChildProcess;
  /** Why it is gone. */
  readonly #gone: Promise<string>;

  constructor({ binary, data, home, port, accessKey, secretKey, log, isDetached = false }: MinioOptions) {
    this.#port = port;
    this.#child = spawn(binary, ["server", data, "--address", `127.0.0.1:${port}`, "--quiet"], {
      detached: isDetached,
      stdio: ["ignore", log ?? "ignore", log ?? "ignore"],
      env: {
        PATH: process.env.PATH,
        HOME: home,
        MINIO_ROOT_USER: accessKey,
        MINIO_ROOT_PASSWORD: secretKey,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
      },
    });
    this.#gone = new Promise((done) => {
      this.#child.once("error", (error) => done(error.message));
      this.#child.once("exit", (code, by) => done(`it ended with ${by ?? `exit code ${code}`}`));
    });
    // Whoever dies must not leave a server behind.
    const end = () => this.signal("SIGKILL");
    process.once("exit", end);
    void this.#gone.then(() => process.off("exit", end));
  }

  /** Waits for its first answer. Errors: FAILED when it ended, or does not answer within 60 s; the signal's reason. */
  async answers(signal?: AbortSignal): Promise<void> {
    const end = performance.now() + answerMs;
    while (performance.now() < end) {
      signal?.throwIfAborted();
      const { pid, exitCode, signalCode } = this.#child;
      if (pid === undefined || exitCode !== null || signalCode !== null) throw silent(await this.#gone);
      const isLive = await fetch(`http://127.0.0.1:${this.#port}/minio/health/live`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isLive) return;
      await sleep(50);
    }
    throw silent(`${answerMs / 1000} s have passed`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills the server with SIGKILL, like a crash. A second call has no effect. */
  async end(): Promise<void> {
    this.signal("SIGKILL");
    await this.#gone;
  }
}

const silent = (why: string) => new TrainyardError("FAILED", `the MinIO server does not answer: ${why}`);

/** On loopback. Errors: the system's. */
export function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? done(address.port)
          : reject(new Error("the system gave no port")),
      );
    });
  });
}
