/**
 * The store goes away while a run trains, and coordinators die whose store is a real MinIO: killed, paused, late, empty,
 * or closed to wrong credentials. What can be survived changes no bit; the rest is said in a sentence.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestCluster } from "../support/cluster.js";
import { freePort, type Minio, startMinio } from "../support/minio.js";
import { endOf, photographs, runProgram, scratch, startProgram } from "../support/program.js";
import { hasLanes } from "../support/proxied-cluster.js";
import { finishedRun, importFaces, ReferenceRun, type StoreOptions } from "../support/reference-run.js";
import { TcpProxy } from "../support/tcp-proxy.js";

const place = scratch();
const local = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "6", "--image-size", "32", "--seed", "5"];
const stepsPerEpoch = 7;
const outageMs = 20_000;
/** Well inside a checkpoint's vectors of 1.4 MB on their way. */
const middleOfVector = 500_000;

let reference: ReferenceRun;
beforeAll(async () => {
  reference = await ReferenceRun.ofFaces(flags, local);
}, 300_000);
afterAll(() => place.remove());

/** A MinIO with the data set in it, behind a proxy. */
class Store implements AsyncDisposable {
  readonly minio: Minio;
  readonly proxy: TcpProxy;
  readonly options: StoreOptions;

  private constructor(minio: Minio, proxy: TcpProxy, options: StoreOptions) {
    this.minio = minio;
    this.proxy = proxy;
    this.options = options;
  }

  static async start(): Promise<Store> {
    const [minio, port] = [await startMinio(), await freePort()];
    const host = "127.0.0.1";
    const proxy = await TcpProxy.start({ host, port }, { host, port: minio.port });
    const options = {
      cwd: place.folder,
      env: minio.environment,
      store: `s3://${host}:${port}/trainyard/team-a`,
    };
    await importFaces(options);
    return new Store(minio, proxy, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close();
    await this.minio.stop();
  }
}

const withWrongSecret = (options: StoreOptions): StoreOptions => ({
  ...options,
  env: { ...options.env, TRAINYARD_S3_SECRET_KEY: "wrong-secret" },
});

/** The end of a command that the store does not let in. */
const denied = {
  code: 2,
  stderr: expect.stringMatching(/check TRAINYARD_S3_ACCESS_KEY and TRAINYARD_S3_SECRET_KEY/),
};

/** The workers were there from the first to the last step, in one process each, and the bits are the reference's. */
async function expectSameEnd(
  cluster: TestCluster,
  options: StoreOptions,
  workers: readonly string[] = ["a", "b"],
): Promise<void> {
  expect(await cluster.coordinatorEnd).toMatchObject({ code: 0 });
  for (const id of workers) expect(await cluster.end(id)).toMatchObject({ code: 0 });
  reference.expectSame(await finishedRun(cluster.ready.run, options));
}

describe.concurrent("a store that goes away", () => {
  it("in the middle of a checkpoint, and then in silence, for 20 s each, changes no bit", async () => {
    await using store = await Store.start();
    const cluster = await TestCluster.start("faces", ["--run", "outages", ...flags], store.options);
    try {
      for (const id of ["a", "b"]) cluster.worker(id);
      await cluster.until("a step", (status) => status.step > 0);
      await store.proxy.holdAfter("up", middleOfVector);
      const { step } = await cluster.status();
      await store.minio.kill();
      store.proxy.flow();
      await Promise.all([
        sleep(outageMs),
        cluster.until("steps without a store", (status) => status.step > step + 1),
      ]);
      await store.minio.restart();
      await cluster.until("an epoch's steps", (status) => status.step > step + stepsPerEpoch);
      store.minio.pause();
      await sleep(outageMs);
      store.minio.resume();
      await expectSameEnd(cluster, store.options);
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("until 20 s after the coordinator, and again after the workers started, is waited for", async () => {
    await using store = await Store.start();
    await store.minio.kill();
    const starting = TestCluster.start("faces", ["--run", "late", ...flags], store.options);
    await sleep(outageMs);
    await store.minio.restart();
    const cluster = await starting;
    try {
      await store.minio.kill();
      for (const id of ["a", "b"]) cluster.worker(id);
      await cluster.until("workers", (status) => status.workers.length === 2);
      await sleep(outageMs / 2);
      await store.minio.restart();
      await expectSameEnd(cluster, store.options);
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("with its bucket, for good: training goes on, and the end says what could not be written", async () => {
    await using store = await Store.start();
    const cluster = await TestCluster.start("faces", ["--run", "vanishing", ...flags], store.options);
    try {
      cluster.worker("a");
      // Every picture has been read by then.
      await cluster.until("the second epoch", (status) => status.step > stepsPerEpoch);
      await store.minio.removeBucket("trainyard");
      const { step } = await cluster.status();
      await cluster.until("an epoch without it", (status) => status.step > step + stepsPerEpoch);
      const end = await cluster.coordinatorEnd;
      expect(end).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /run failed: checkpoint 1-42 could not be written: .*no bucket \W*trainyard/,
        ),
      });
      expect(end.stderr).toMatch(/checkpoint 1-\d+ was not written: .*no bucket \W*trainyard/);
      expect(end.stderr).not.toMatch(/\n {4}at /);
      expect(await cluster.end("a")).toMatchObject({ code: 1 });
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("for those with wrong credentials: each command fails at once, and a run is not hurt by workers that have only their own", async () => {
    await using store = await Store.start();
    const wrong = withWrongSecret(store.options);
    for (const words of [
      ["coordinator", "faces"],
      ["import", photographs("faces")],
    ])
      expect(await runProgram([...words, "--store", wrong.store], wrong)).toMatchObject(denied);
    const ownKeys = ["--run", "denied", "--worker-keys", "own", ...flags];
    const cluster = await TestCluster.start("faces", ownKeys, store.options);
    try {
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const worker = startProgram(["worker", "--coordinator", cluster.ready.address], wrong);
        const end = await endOf(worker);
        expect(end).toMatchObject(denied);
        expect(end.stderr).not.toMatch(/\n {4}at /);
      }
      cluster.worker("a");
      await expectSameEnd(cluster, store.options, ["a"]);
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("for those with wrong credentials, but not for a worker that gets the coordinator's short-lived keys", async () => {
    await using store = await Store.start();
    const cluster = await TestCluster.start("faces", ["--run", "given", ...flags], store.options);
    try {
      const words = ["worker", "--coordinator", cluster.ready.address];
      const end = endOf(startProgram(words, withWrongSecret(store.options)));
      await expectSameEnd(cluster, store.options, []);
      expect(await end).toMatchObject({ code: 0 });
    } finally {
      await cluster.close();
    }
  }, 300_000);
});

describe.concurrent("a coordinator whose store is MinIO", () => {
  it("killed in a step, in an evaluation and in the middle of a checkpoint: the run goes on with the same workers", async () => {
    await using store = await Store.start();
    const cluster = await TestCluster.start("faces", ["--run", "killed", ...flags], store.options);
    /** Printed: how long until the run trains again. Asserted only by a deadline far beyond what it should take. */
    const comeBack = async (when: string) => {
      await cluster.killCoordinator();
      store.proxy.flow();
      const startedMs = performance.now();
      await cluster.startAgain();
      const { step } = await cluster.status();
      await cluster.until("a commit", (status) => status.step > step);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      console.info(`coordinator killed ${when}: the next commit came ${seconds} s after its start`);
      await cluster.until("lanes of both", (status) => hasLanes(status, "a") && hasLanes(status, "b"));
    };
    try {
      for (const id of ["a", "b"]) cluster.worker(id);
      await cluster.until("steps", (status) => status.step > 2 && status.phase === "training");
      await comeBack("in a step");
      await cluster.until("an evaluation", ({ phase }) => phase === "evaluating", 60_000, 0);
      await comeBack("in an evaluation");
      await store.proxy.holdAfter("up", middleOfVector);
      await comeBack("in the middle of a checkpoint");
      await expectSameEnd(cluster, store.options);
    } finally {
      await cluster.close();
    }
  }, 300_000);
});
