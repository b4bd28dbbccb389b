/**
 * Workers die, freeze, drain, come late and come back while a run trains: real processes, real gRPC, real TensorFlow.
 * Nothing of it changes a bit, the survivors' processes go on, and everyone leaves with the documented code.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunStatus } from "../../shared/status.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import { TestCluster } from "../support/cluster.js";
import { freePort } from "../support/minio.js";
import { endOf, runProgram, scratch, startProgram } from "../support/program.js";
import { hasLanes, ProxiedCluster, workerOf } from "../support/proxied-cluster.js";
import { ReferenceRun } from "../support/reference-run.js";
import type { TcpProxy } from "../support/tcp-proxy.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "12", "--image-size", "32", "--seed", "5"];
/** Well inside a vector of 1.4 MB on its way. */
const middleOfVector = 500_000;
/** Its first chunk is there, its second is not. */
const afterFirstChunk = 1_200_000;
const drainMs = 10_000;

const site = (run: string) => ProxiedCluster.start(run, "faces", flags, options);

/** Of the coordinator and its reducers, whatever the reason. */
async function refusedMessages(cluster: TestCluster): Promise<number> {
  const text = await (await fetch(`http://${cluster.ready.http}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line.startsWith("trainyard_messages_refused_total"));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Until nothing has come down for a moment. */
async function silence({ passed }: TcpProxy): Promise<void> {
  for (let before = -1; passed.down > before; await sleep(10)) before = passed.down;
}

let reference: ReferenceRun;

beforeAll(async () => {
  reference = await ReferenceRun.ofFaces(flags, options);
}, 300_000);
afterAll(() => place.remove());

describe("a worker that is killed", () => {
  it("while it downloads, while it uploads, while it computes: no bit changes, the other one goes on", async () => {
    await using proxied = await site("killed");
    const { cluster, routes } = proxied;
    const { tensors } = routes.b;
    await proxied.startBoth();
    for (const doing of ["download", "upload", "compute"]) {
      await tensors.holdAfter(doing === "upload" ? "up" : "down", middleOfVector);
      if (doing === "compute") {
        // The rest of the weights arrives; no gradient can leave. So it computes, or has just computed.
        tensors.stall("up");
        tensors.flow("down");
        await silence(tensors);
      }
      cluster.kill("b", "SIGKILL");
      expect((await cluster.end("b")).code).toBeNull();
      tensors.flow("up", "down");
      const { step } = await cluster.status();
      await cluster.until("steps without it", (status) => status.step > step + 1);
      cluster.worker("b", routes.b.address);
      await cluster.until("its lanes", (status) => hasLanes(status, "b"));
    }
    const { result } = await proxied.expectSameEnd(reference);
    expect(result.samples.redone).toBeGreaterThan(0);
    expect(await cluster.end("b")).toMatchObject({ code: 0 });
  }, 300_000);
});

describe("a worker that freezes", () => {
  it("is worked around; what it was sending is refused and counted; awake again it computes again", async () => {
    await using proxied = await site("frozen");
    const { cluster, routes } = proxied;
    const processes = await proxied.startBoth();
    await routes.b.tensors.holdAfter("up", afterFirstChunk);
    const refused = await refusedMessages(cluster);
    cluster.kill("b", "SIGSTOP");
    // That it is lost it shall hear only when the rest of its gradient is out.
    routes.b.control.stall("down");
    const { step } = await cluster.status();
    const isGone = (status: RunStatus) => status.step > step + 2 && !workerOf(status, "b");
    await cluster.until("steps without it, and its loss", isGone);
    expect(await refusedMessages(cluster)).toBeGreaterThan(refused);
    routes.b.tensors.flow();
    cluster.kill("b", "SIGCONT");
    routes.b.control.flow();
    await cluster.until("its lanes", (status) => status.step > step + 3 && hasLanes(status, "b"));
    await proxied.expectSameEnd(reference);
    expect(await cluster.end("b")).toMatchObject({ code: 0 });
    expect(processes.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  }, 300_000);
});

describe("SIGTERM to a worker", () => {
  it("in an engine call of seconds: it leaves with 3 within 10 s", async () => {
    const large = ["--lanes", "1", "--batch-size", "196", "--image-size", "96", "--epochs", "9"];
    const cluster = await TestCluster.start("faces", ["--run", "large", ...large], options);
    try {
      cluster.worker("b");
      await cluster.until("its computing", (status) => workerOf(status, "b")?.state === "compute");
      expect(await terminate(cluster, "b")).toMatchObject({ code: 3 });
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("while it prepares, or looks for a coordinator that is not there or silent: 3 within 10 s", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const silentPort = typeof address === "object" ? (address?.port ?? 0) : 0;
    const cluster = await TestCluster.start("faces", ["--run", "unprepared", ...flags], options);
    try {
      const workers = [
        startProgram(["worker", "--coordinator", `127.0.0.1:${await freePort()}`], options),
        startProgram(["worker", "--coordinator", `127.0.0.1:${silentPort}`], options),
        // A store that takes connections and answers nothing.
        startProgram(
          [
            "worker",
            "--coordinator",
            cluster.ready.address,
            "--store",
            `s3+http://127.0.0.1:${silentPort}/none`,
          ],
          { ...options, env: { TRAINYARD_S3_ACCESS_KEY: "user", TRAINYARD_S3_SECRET_KEY: "secret-secret" } },
        ),
      ];
      const ends = workers.map(endOf);
      await cluster.until("one that prepares", (status) => status.workers.length === 1);
      await sleep(500);
      for (const child of workers) child.kill("SIGTERM");
      const codes = Promise.all(ends).then((all) => all.map(({ code }) => code));
      expect(await Promise.race([codes, sleep(drainMs, "too late")])).toEqual([3, 3, 3]);
      for (const child of workers) child.kill("SIGKILL");
    } finally {
      await cluster.close();
      silent.close();
    }
  }, 300_000);
});

/** SIGTERM; how it ended, or that it did not within the time of a drain. */
async function terminate(cluster: TestCluster, id: string) {
  cluster.kill(id, "SIGTERM");
  return await Promise.race([cluster.end(id), sleep(drainMs, "too late")]);
}

describe("workers that come and go", () => {
  it("a late one gets lanes, hands them back at SIGTERM; when all are gone the run waits; who sleeps through the end learns of it", async () => {
    await using proxied = await site("comers");
    const { cluster, routes } = proxied;
    cluster.worker("first", routes.a.address);
    await cluster.until("steps", (status) => status.step > 2);
    cluster.worker("late", routes.b.address);
    await cluster.until("lanes of the late one", (status) => hasLanes(status, "late"));
    await routes.b.tensors.holdAfter("up", middleOfVector);
    expect(await terminate(cluster, "late")).toMatchObject({ code: 3 });
    await cluster.until("its lanes' return", (status) => !workerOf(status, "late"), 5_000);
    routes.b.tensors.flow();
    cluster.kill("first", "SIGKILL");
    const { step } = await cluster.until("nobody", (status) => status.workers.length === 0);
    expect(await cluster.status()).toMatchObject({
      step,
      phase: "training",
      message: "waiting for a worker",
    });
    for (const id of ["a", "b"] as const) cluster.worker(id, routes[id].address);
    await cluster.until("lanes of a new one", (status) => hasLanes(status, "b"));
    cluster.kill("b", "SIGSTOP");
    await proxied.expectSameEnd(reference);
    expect((await cluster.coordinatorEnd).stderr).toMatch(/worker late left: drained/);
    // It finds no coordinator any more; the store tells it of the end.
    cluster.kill("b", "SIGCONT");
    expect(await cluster.end("b")).toMatchObject({ code: 0 });
  }, 300_000);
});

describe("after the end, and at the wrong address,", () => {
  const trainyard = (...words: string[]) => runProgram([...words, "--store", options.store], options);
  const worker = (run: string, coordinator: string) =>
    trainyard("worker", "--run", run, "--coordinator", coordinator, "--connect-timeout", "60");
  const fileHashes = () =>
    Object.fromEntries(
      readdirSync(join(options.cwd, "store/runs/unbroken"), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path, sha256Hex(readFileSync(path))]),
    );

  it("a worker and a coordinator of a finished run leave with 0 and touch nothing", async () => {
    const before = fileHashes();
    const finished = (said: string) => ({ code: 0, stderr: expect.stringContaining(said) });
    const nobody = `127.0.0.1:${await freePort()}`;
    expect(await worker("unbroken", nobody)).toMatchObject(finished("the run has ended: finished"));
    for (const words of [
      ["--run", "unbroken"],
      ["faces", "--run", "unbroken", ...flags],
    ]) {
      const again = await trainyard("coordinator", ...words, "--port", "0");
      expect(again).toMatchObject(finished("the run has finished already: all 12 epochs are done"));
    }
    expect(fileHashes()).toEqual(before);
  }, 300_000);

  it("a worker leaves another run's coordinator alone; a coordinator's command repeated goes on with its run", async () => {
    const start = () => TestCluster.start("faces", ["--run", "others", ...flags], options);
    const first = await start();
    try {
      const { address } = first.ready;
      expect(await worker("unbroken", address)).toMatchObject({ code: 0 });
      for (let attempt = 0; attempt < 4; attempt += 1) {
        expect(await worker("unknown", address)).toMatchObject({
          code: 2,
          stderr: expect.stringContaining(
            "the coordinator serves the run others, this worker asks for unknown",
          ),
        });
      }
      expect(await first.status()).toMatchObject({ phase: "waiting", workers: [] });
    } finally {
      await first.close();
    }
    const second = await start();
    try {
      expect(await second.status()).toMatchObject({ phase: "waiting", generation: 2 });
    } finally {
      await second.close();
    }
    expect(await trainyard("coordinator", "faces", "--run", "others", "--port", "0")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is already a run others with other settings"),
    });
  }, 300_000);
});
