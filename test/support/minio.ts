/**
 * A real MinIO server of a test's own: a free port on loopback, a temporary folder, random credentials. It can be
 * killed, paused and started again on the same port with the same data.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, MinioServer } from "../../drill/minio-server.js";
import { minioBinary } from "./parts.js";

export { freePort };

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
  /** When an object was last written or deleted at the top level of the bucket. */
  changedMs(bucket: string): Promise<number>;
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
  let server: MinioServer | undefined;

  const restart = async () => {
    const binary = minioBinary();
    server = new MinioServer({ binary, data: folder, home: folder, port, accessKey, secretKey });
    await server.answers();
  };
  const kill = async () => {
    await server?.end();
    server = undefined;
  };
  if (options.isStarted !== false) await restart();
  return {
    port,
    url: (bucketAndPrefix) => `s3://127.0.0.1:${port}/${bucketAndPrefix}`,
    environment,
    kill,
    restart,
    pause: () => server?.signal("SIGSTOP"),
    resume: () => server?.signal("SIGCONT"),
    changedMs: async (bucket) => (await stat(join(folder, bucket))).mtimeMs,
    removeBucket: async (bucket) => {
      // Not under a running server: a write that is under way would make the bucket's folder again.
      await kill();
      await rename(join(folder, bucket), `${folder}-gone`);
      await rm(`${folder}-gone`, { recursive: true });
      await restart();
    },
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
