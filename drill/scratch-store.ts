/**
 * The drill's own store, which it can take away and put back: a folder, or a MinIO server on loopback. It holds nothing of
 * the user's and is deleted at the end.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { cp, mkdir, rename, symlink, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TrainyardError } from "../shared/errors.js";
import { freePort, type MinioOptions, MinioServer } from "./minio-server.js";
import { mountSmallDisk, type SmallDisk } from "./small-disk.js";

export interface ScratchStore {
  readonly kind: "folder" | "minio";
  readonly url: string;
  /** How the store is taken away, as the report shows it. */
  readonly how: string;
  /** Environment variables (credentials) for processes that open the store. */
  readonly environment: NodeJS.ProcessEnv;
  takeAway(): Promise<void>;
  putBack(): Promise<void>;
  /** The disk under the runs, which can be filled; null where there is none. */
  readonly disk: Pick<SmallDisk, "fill" | "free"> | null;
  /** Ends the server, if there is one. `keepsFiles`: all files stay below the drill's folder. A second call does nothing. */
  close(options: { readonly keepsFiles: boolean }): Promise<void>;
}

/** A larger data set is not put on the drill's own disk, which lies in memory. */
const mostDataBytes = 256 * 1024 * 1024;

/**
 * A store in a folder. `dataBytes`: size of the data set that it will hold. Taking it away renames what a training writes: checkpoints, logs, generation records. The data set
 * stays, because workers retry reads from a server but not from a folder.
 */
export async function folderStore(
  folder: string,
  { dataBytes = 0 }: { readonly dataBytes?: number } = {},
): Promise<ScratchStore> {
  const disk = dataBytes > mostDataBytes ? null : await mountSmallDisk(join(folder, "disk"));
  let isClosed = false;
  const base = disk?.folder ?? folder;
  const path = join(base, "store");
  const [runs, hidden] = [join(path, "runs"), join(base, "runs-taken-away")];
  return {
    kind: "folder",
    url: `file:${path}`,
    how: "renamed",
    environment: process.env,
    // The name is then a link to itself: every call fails as on a lost disk, and no process can create the folder again.
    takeAway: async () => {
      await rename(runs, hidden);
      await symlink(runs, runs);
    },
    putBack: async () => {
      await unlink(runs);
      await rename(hidden, runs);
    },
    disk,
    close: async ({ keepsFiles }) => {
      if (disk === null || isClosed) return;
      isClosed = true;
      if (keepsFiles) await cp(path, join(folder, "store"), { recursive: true });
      await disk.remove();
    },
  };
}

/** Starts a MinIO server as the store. Errors: USAGE when there is no such program, FAILED when it does not answer within 60 s. */
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
  const data = join(folder, "minio");
  await mkdir(data, { recursive: true });
  const start = () => startServer({ binary, data, home: folder, port, accessKey, secretKey });
  let server = start();
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
    disk: null,
    takeAway: close,
    putBack: async () => {
      server = start();
      await server.answers(signal);
    },
    close,
  };
}

/** The server gets credentials of its own, not the user's. */
function credentials(accessKey: string, secretKey: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(TRAINYARD_S3|AWS)_/.test(name)) environment[name] = value;
  }
  return { ...environment, TRAINYARD_S3_ACCESS_KEY: accessKey, TRAINYARD_S3_SECRET_KEY: secretKey };
}

/** The server has its own process group: Ctrl-C reaches only the drill, which ends the server. */
function startServer(options: MinioOptions): MinioServer {
  const log = openSync(join(options.home, "minio.log"), "a");
  try {
    return new MinioServer({ ...options, log, isDetached: true });
  } finally {
    closeSync(log); // the server has its own
  }
}
