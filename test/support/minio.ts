/**
 * A real MinIO server of a test's own: a free port on loopback, a temporary folder, random credentials. It can be
 * killed, paused and started again on the same port with the same data.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minioBinary } from "./parts.js";

export interface Minio {
  readonly port: number;
  /** `s3://127.0.0.1:PORT/BUCKET/PREFIX` */
  url(bucketAndPrefix: string): string;
  /** TRAINYARD_S3_ACCESS_KEY and TRAINYARD_S3_SECRET_KEY. */
  readonly environment: Readonly<Record<string, string>>;
  /** As a crash: SIGKILL. */
  kill(): Promise<void>;
  /** After `kill`; resolves when it answers. */
  restart(): Promise<void>;
  /** It keeps its connections and says nothing. */
  pause(): void;
  resume(): void;
  /** With everything in it, as an administrator would. */
  removeBucket(bucket: string): Promise<void>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

/** `isStarted: false` only takes the port; `restart` then starts it. */
export async function startMinio(options: { isStarted?: boolean } = {}): Promise<Minio> {
  const folder = await mkdtemp(join(tmpdir(), "trainyard-minio-"));
  const port = await freePort();
  const accessKey = `user${randomBytes(6).toString("hex")}`;
  const secretKey = randomBytes(20).toString("hex");
  const environment = { TRAINYARD_S3_ACCESS_KEY: accessKey, TRAINYARD_S3_SECRET_KEY: secretKey };
  let server: ChildProcess | undefined;

  const restart = async () => {
    server = run(folder, port, accessKey, secretKey);
    await answering(port, server);
  };
  const kill = async () => {
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGKILL");
    await gone;
  };
  if (options.isStarted !== false) await restart();
  return {
    port,
    url: (bucketAndPrefix) => `s3://127.0.0.1:${port}/${bucketAndPrefix}`,
    environment,
    kill,
    restart,
    pause: () => void server?.kill("SIGSTOP"),
    resume: () => void server?.kill("SIGCONT"),
    removeBucket: async (bucket) => {
      // Out of the way at once: it is being written to.
      await rename(join(folder, bucket), `${folder}-gone`);
      await rm(`${folder}-gone`, { recursive: true });
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function run(folder: string, port: number, accessKey: string, secretKey: string): ChildProcess {
  const server = spawn(minioBinary(), ["server", folder, "--address", `127.0.0.1:${port}`, "--quiet"], {
    stdio: "ignore",
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
    },
  });
  // A test that dies must not leave a server behind.
  const end = () => void server.kill("SIGKILL");
  process.once("exit", end);
  server.once("exit", () => process.off("exit", end));
  return server;
}

async function answering(port: number, server: ChildProcess): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (server.exitCode !== null) throw new Error(`minio ended with ${server.exitCode}`);
    const isLive = await fetch(`http://127.0.0.1:${port}/minio/health/live`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isLive) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("minio does not answer after 60 s");
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}
