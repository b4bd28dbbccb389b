/**
 * The drill's own store, which it can take away and put back: a folder, or a MinIO server of its own on loopback.
 * Nothing of the user's lies in it, and nothing of it stays.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, rename, symlink, unlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TrainyardError } from "../../shared/errors.js";

export interface ScratchStore {
  readonly kind: "folder" | "minio";
  readonly url: string;
  /** How it is taken away, for people. */
  readonly how: string;
  /** Variables of whoever opens it. */
  readonly environment: NodeJS.ProcessEnv;
  takeAway(): Promise<void>;
  putBack(): Promise<void>;
  /** Ends what runs; the files are their folder's. Twice is the same. */
  close(): Promise<void>;
}

/**
 * A folder, of which everything that is written under training is taken away: checkpoints, log, the owner's record.
 * Its pictures stay, since nobody waits for a folder that can't be read, as one waits for a server.
 */
export function folderStore(folder: string): ScratchStore {
  const path = join(folder, "store");
  const [runs, hidden] = [join(path, "runs"), join(folder, "runs-taken-away")];
  return {
    kind: "folder",
    url: `file:${path}`,
    how: "renamed",
    environment: process.env,
    // Its name then leads to itself: every call fails, as on a disk that is gone, and nobody makes it anew.
    takeAway: async () => {
      await rename(runs, hidden);
      await symlink(runs, runs);
    },
    putBack: async () => {
      await unlink(runs);
      await rename(hidden, runs);
    },
    close: async () => undefined,
  };
}

/** How long a MinIO server may take to answer. */
const answerMs = 60_000;

/** Errors: USAGE when there is no such program, FAILED when it does not answer within 60 s. */
export async function minioStore(
  program: string,
  folder: string,
  signal: AbortSignal,
): Promise<ScratchStore> {
  const binary = resolve(program);
  if (!existsSync(binary)) {
    throw new TrainyardError("USAGE", `--minio names the server's program, and there is no file ${binary}`);
  }
  const port = await freePort();
  const [accessKey, secretKey] = [randomBytes(8).toString("hex"), randomBytes(20).toString("hex")];
  const start = () => startServer(binary, folder, port, accessKey, secretKey);
  await mkdir(join(folder, "minio"), { recursive: true });
  let server = await start();
  const close = async () => await server.end();
  try {
    await server.answers(signal);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: "minio",
    url: `s3://127.0.0.1:${port}/drill`,
    how: "SIGKILL",
    environment: credentials(accessKey, secretKey),
    takeAway: close,
    putBack: async () => {
      server = await start();
      await server.answers(signal);
    },
    close,
  };
}

/** The user's own credentials stay out of it. */
function credentials(accessKey: string, secretKey: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(TRAINYARD_S3|AWS)_/.test(name)) environment[name] = value;
  }
  return { ...environment, TRAINYARD_S3_ACCESS_KEY: accessKey, TRAINYARD_S3_SECRET_KEY: secretKey };
}

interface Server {
  answers(signal: AbortSignal): Promise<void>;
  /** As a crash: SIGKILL. */
  end(): Promise<void>;
}

async function startServer(
  binary: string,
  folder: string,
  port: number,
  accessKey: string,
  secretKey: string,
): Promise<Server> {
  const log = openSync(join(folder, "minio.log"), "a");
  const words = ["server", join(folder, "minio"), "--address", `127.0.0.1:${port}`, "--quiet"];
  const child = spawn(binary, words, {
    detached: true, // Ctrl-C reaches the drill, which ends it
    stdio: ["ignore", log, log],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
    },
  });
  closeSync(log);
  const gone = new Promise<string>((done) => {
    child.once("error", (error) => done(error.message));
    child.once("exit", (code, by) => done(`it ended with ${by ?? `exit code ${code}`}`));
  });
  const end = () => void child.kill("SIGKILL");
  process.once("exit", end);
  void gone.then(() => process.off("exit", end));
  return {
    answers: (signal) => answers(child, gone, port, signal),
    end: async () => {
      end();
      await gone;
    },
  };
}

async function answers(
  child: ChildProcess,
  gone: Promise<string>,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const refuse = (why: string) => new TrainyardError("FAILED", `the MinIO server does not answer: ${why}`);
  const end = performance.now() + answerMs;
  while (performance.now() < end) {
    signal.throwIfAborted();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw refuse(await gone);
    }
    const isLive = await fetch(`http://127.0.0.1:${port}/minio/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isLive) return;
    await sleep(50);
  }
  throw refuse(`${answerMs / 1000} s have passed`);
}

function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
