/**
 * What happens to a run when its processes are interrupted, killed or late, and when its store goes away: everything
 * ends within seconds, with the documented exit code, and says so.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LocalCoordinator } from "../../local-cluster/local-coordinator.js";
import { fetchStatus, type RunStatus } from "../../shared/status.js";
import { TestCluster } from "../support/cluster.js";
import { fullDiskBytes, withSmallDisk } from "../support/full-disk.js";
import { flat, writeTree } from "../support/images.js";
import { freePort, type Minio, startMinio } from "../support/minio.js";
import { promtool } from "../support/parts.js";
import { type Ended, endOf, runProgram, scratch, startProgram } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);
const quick = ["--model", "digits", "--image-size", "16", "--batch-size", "16"];
const long = [...quick, "--epochs", "2000"];
const run = (...words: string[]) => runProgram(words, { cwd: folder });
const store = `file:${join(folder, ".trainyard")}`;

beforeAll(async () => {
  const files: Record<string, Buffer> = {};
  for (const [label, name] of ["cats", 'd"o\\g\n'].entries()) {
    for (let image = 0; image < 12; image += 1)
      files[`pets/${name}/${image}.png`] = await flat({ r: label * 200, g: image * 20, b: 9 })
        .png()
        .toBuffer();
  }
  await writeTree(folder, files);
  expect(await run("import", "pets")).toMatchObject({ code: 0 });
});

interface LocalTraining {
  readonly pid: number;
  readonly end: Promise<Ended>;
  /** A process that it started and that lives, by a word of its command line. */
  child(word: string): number;
  readonly children: readonly number[];
}

/** `trainyard train` once its first steps are done. */
async function training(name: string, workers = 2): Promise<LocalTraining> {
  const words = ["train", "pets", "--run", name, "--workers", String(workers), ...long];
  const process = startProgram(words, { cwd: folder });
  const end = endOf(process);
  await until(`steps of ${name}`, async () => ((await statusOf(name))?.step ?? 0) > 3);
  const lines = () =>
    execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
      .trim()
      .split("\n");
  const pidOf = (line: string | undefined) => Number.parseInt(line ?? "", 10);
  return {
    pid: process.pid ?? 0,
    end,
    child: (word) => pidOf(lines().find((line) => line.includes(word) && !line.includes("<defunct>"))),
    children: lines().map(pidOf),
  };
}

/** The status that the newest coordinator of this run answers with; null while none does. */
async function statusOf(name: string): Promise<RunStatus | null> {
  const records = join(folder, ".trainyard/runs", name, "generations");
  const numbers = existsSync(records) ? readdirSync(records).map((file) => Number.parseInt(file, 10)) : [];
  try {
    const record = readFileSync(join(records, `${Math.max(...numbers)}.json`), "utf8");
    return await fetchStatus((JSON.parse(record) as { http: string }).http, name);
  } catch {
    return null;
  }
}

/** The deadline only names what never came; how long anything takes depends on the machine. */
async function until(what: string, isThere: () => boolean | Promise<boolean>, deadlineMs = 120_000) {
  const startedMs = Date.now();
  while (!(await isThere())) {
    if (Date.now() - startedMs > deadlineMs) throw new Error(`waited too long for ${what}`);
    await sleep(100);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const allGone = (cluster: LocalTraining) =>
  until("the end of its processes", () => !cluster.children.some(isAlive));

describe("train", () => {
  it("ends at Ctrl-C with a checkpoint, exit code 3, and no process left", async () => {
    const cluster = await training("interrupted");
    process.kill(cluster.pid, "SIGINT");
    const { code, stdout } = await cluster.end;
    expect({ code, stdout }).toEqual({
      code: 3,
      stdout: expect.stringMatching(
        /^run interrupted stopped: interrupted.*\nkept: checkpoint 1-\d+, step \d+ of \d+, in epoch \d+ of \d+; go on: trainyard train --resume interrupted\n$/,
      ),
    });
    await allGone(cluster);
    const record = JSON.parse(readFileSync(join(folder, ".trainyard/runs/interrupted/ends/1.json"), "utf8"));
    const checkpoints = readdirSync(join(folder, ".trainyard/runs/interrupted/checkpoints"));
    expect(checkpoints).toContain(`1-${record.status.step}`);
    expect((await run("runs", "list")).stdout).toMatch(/^interrupted +stopped/m);
  }, 300_000);

  it("says what its coordinator refuses in the coordinator's words alone", async () => {
    const logFolder = join(folder, "refused-logs");
    mkdirSync(logFolder);
    const coordinator = new LocalCoordinator({
      run: "nowhere",
      reducers: 1,
      changes: [],
      common: ["--store", `file:${join(folder, ".trainyard")}`],
      process: { logFolder, detach: false, environment: {} },
      onNotice: () => undefined,
      onReady: () => undefined,
    });
    await expect(coordinator.start()).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(/^(trainyard: )?(there is )?no run.* nowhere/),
    });
  }, 60_000);

  it("killed: its coordinator and workers leave by themselves", async () => {
    const cluster = await training("orphaned");
    process.kill(cluster.pid, "SIGKILL");
    await cluster.end;
    await allGone(cluster);
  }, 300_000);

  it("starts a killed worker again and goes on; stopped by runs stop it ends with 3", async () => {
    const cluster = await training("survivor", 1);
    process.kill(cluster.child("--id worker-1"), "SIGKILL");
    const step = async () => (await statusOf("survivor"))?.step ?? 0;
    const before = await step();
    await until("steps after the kill", async () => (await step()) > before + 3);
    expect(await run("runs", "stop", "surv")).toMatchObject({ code: 0 });
    const { code, stderr } = await cluster.end;
    expect(stderr).toContain("worker-1 died (SIGKILL); starting it again");
    expect(code).toBe(3);
    await allGone(cluster);
  }, 300_000);

  it("starts a killed coordinator again: the same workers find it and the run goes on", async () => {
    const cluster = await training("headless");
    const workers = ["--id worker-1", "--id worker-2"].map((word) => cluster.child(word));
    process.kill(cluster.child("coordinator --run"), "SIGKILL");
    const generation = async () => (await statusOf("headless"))?.generation;
    await until("the second coordinator", async () => (await generation()) === 2);
    const step = async () => (await statusOf("headless"))?.step ?? 0;
    const first = await step();
    await until("steps of it", async () => (await step()) > first + 3);
    expect(["--id worker-1", "--id worker-2"].map((word) => cluster.child(word))).toEqual(workers);
    expect(await run("runs", "stop", "headless")).toMatchObject({ code: 0 });
    const { code, stderr } = await cluster.end;
    expect(stderr.match(/^the coordinator died .*$/gm)).toEqual([
      "the coordinator died (SIGKILL); starting it again",
    ]);
    expect(code).toBe(3);
    await allGone(cluster);
  }, 300_000);

  it("whose coordinator dies again and again says how to go on, which works; ends with 1", async () => {
    const cluster = await training("beheaded");
    for (let deaths = 1; deaths <= 6; deaths += 1) {
      const here = async () => (await statusOf("beheaded"))?.generation === deaths;
      await until(`coordinator ${deaths}`, here);
      process.kill(cluster.child("coordinator --run"), "SIGKILL");
    }
    const { code, stderr } = await cluster.end;
    expect(stderr.match(/; starting it again$/gm)).toHaveLength(5);
    expect(stderr).toMatch(
      /trainyard: the coordinator died \(SIGKILL\), its log is .*; go on with trainyard train --resume beheaded\n$/,
    );
    expect(code).toBe(1);
    await allGone(cluster);
    expect((await run("runs", "list")).stdout).toMatch(/^beheaded +interrupted/m);
    expect(await run("train", "--resume", "behead", "--detach")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^going on from checkpoint \d-\d+: epoch \d+, step \d+$/m),
    });
    expect(await run("runs", "stop", "beheaded")).toMatchObject({ code: 0 });
    await until("its end", async () => /^beheaded +stopped/m.test((await run("runs", "list")).stdout));
  }, 300_000);

  it("whose coordinator can't begin again is given up at once, with what it said last", async () => {
    const cluster = await training("spoilt");
    writeFileSync(join(folder, ".trainyard/runs/spoilt/spec.json"), "{");
    process.kill(cluster.child("coordinator --run"), "SIGKILL");
    const { code, stderr } = await cluster.end;
    expect(stderr.match(/; starting it again$/gm)?.length).toBeLessThanOrEqual(3);
    expect(stderr).toMatch(
      /^trainyard: the coordinator (died|ended) \(exit code [12]\), its log is \S*: .*JSON.*; go on with trainyard train --resume spoilt$/m,
    );
    expect(code).toBe(1);
    await allGone(cluster);
  }, 300_000);

  it("--detach leaves a run that the other commands find, and that follow ends with", async () => {
    const words = ["train", "pets", "--run", "detached", ...quick, "--epochs", "40", "--detach", "--json"];
    const detached = await run(...words);
    expect(detached.code).toBe(0);
    expect(JSON.parse(detached.stdout)).toMatchObject({ run: "detached" });
    expect(await run("runs", "delete", "detached")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("stop it first: trainyard runs stop detached"),
    });
    const followed = await run("runs", "follow", "det", "--json");
    expect(followed.code).toBe(0);
    expect(JSON.parse(followed.stdout)).toMatchObject({ run: "detached", outcome: "finished", epochs: 40 });
    const shown = await run("runs", "show", "detached", "--json");
    expect(JSON.parse(shown.stdout)).toEqual(JSON.parse(followed.stdout));
    expect(await run("runs", "delete", "det")).toMatchObject({ code: 2 });
    expect(await run("runs", "delete", "detached")).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, ".trainyard/runs/detached/spec.json"))).toBe(false);
  }, 300_000);
});

describe("processes that come early, late, or twice", () => {
  it("a worker waits for its coordinator; spares and one after the end leave with 0; metrics pass promtool", async () => {
    const port = String(await freePort());
    const metricsPort = String(await freePort());
    const early = startProgram(
      ["worker", "--coordinator", `127.0.0.1:${port}`, "--metrics-port", metricsPort, "--id", 'e"\\ 猫'],
      { cwd: folder },
    );
    const earlyEnd = endOf(early);
    await sleep(1_500);
    const flags = ["--run", "late", ...quick, "--epochs", "30", "--port", port, "--linger", "8"];
    const cluster = await TestCluster.start("pets", flags, { cwd: folder, store });
    try {
      for (const id of ["spare-1", "spare-2"]) cluster.worker(id);
      const second = await run("coordinator", "--run", "late", "--port", "0");
      expect(second.code).toBe(2);
      expect(second.stderr).toContain(`has a coordinator at 127.0.0.1:${port}`);
      const taken = await run("coordinator", "pets", "--run", "taken", "--port", port);
      expect(taken.code).toBe(2);
      expect(taken.stderr).toContain(`can't listen on 127.0.0.1:${port}`);
      expect(existsSync(join(folder, ".trainyard/runs/taken/spec.json"))).toBe(false);
      const broken = await run("worker", "--id", "e\n");
      expect(broken.code).toBe(2);
      expect(broken.stderr).toContain('printable characters, not "e\\n"');

      await cluster.until("an evaluated epoch", (status) => status.validation !== undefined);
      for (const address of [cluster.ready.http, `127.0.0.1:${metricsPort}`]) {
        const exposition = await (await fetch(`http://${address}/metrics`)).text();
        expect(exposition).toMatch(/^trainyard_\w*info\{/m);
        expect(execFileSync(promtool(), ["check", "metrics"], { input: exposition, encoding: "utf8" })).toBe(
          "",
        );
      }
      await cluster.until("the end", (status) => status.phase === "finished");
      cluster.worker("late");
      expect((await earlyEnd).code).toBe(0);
      for (const id of ["spare-1", "spare-2", "late"]) expect((await cluster.end(id)).code).toBe(0);
      expect((await cluster.coordinatorEnd).code).toBe(0);
    } finally {
      early.kill("SIGKILL");
      await cluster.close();
    }
  }, 300_000);
});

describe("a store that goes away", () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio.stop());

  it("a data set that was deleted after the run was made fails it with a sentence", async () => {
    await run("import", "pets", "--name", "brief");
    const cluster = await TestCluster.start("brief", ["--run", "brief-1", ...quick], { cwd: folder, store });
    await rm(join(folder, ".trainyard/datasets/brief"), { recursive: true });
    try {
      cluster.worker("a");
      expect(await cluster.coordinatorEnd).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/run failed: .*no data set .*brief/),
      });
      expect((await cluster.end("a")).code).toBe(1);
    } finally {
      await cluster.close();
    }
  }, 300_000);

  it("a full disk fails import and training with a sentence, and harms nothing that was there", async () => {
    await withSmallDisk(async (disk) => {
      const words = ["--store", `file:${disk}`];
      expect(await run("import", "pets", "--name", "small", ...words)).toMatchObject({ code: 0 });
      // Without a mount only the size of files is limited, which shows when the first checkpoint is written.
      const { bavail, bsize } = statfsSync(disk);
      const refusal =
        bavail * bsize <= fullDiskBytes
          ? /the disk of the store has [\d.]+ MiB, and one checkpoint and the export need [\d.]+ MiB: free some/
          : /could not be written: .*the disk is full/;
      const trained = await run("train", "small", "--run", "full", ...words, "--epochs", "3");
      expect(trained.code).toBe(1);
      expect(trained.stderr).toMatch(refusal);
      expect(trained.stderr).not.toMatch(/\n {4}at /);
      expect(await run("datasets", "show", "small", ...words)).toMatchObject({ code: 0 });
      expect(await run("runs", "delete", "full", ...words)).toMatchObject({ code: 0 });
      expect(await run("import", "pets", "--name", "small", ...words)).toMatchObject({ code: 0 });
    });
  }, 300_000);

  it("a bucket deleted in the middle of a run ends it with a sentence that names it", async () => {
    const env = { ...minio.environment };
    const options = { cwd: folder, env, store: minio.url("vanishing") };
    expect(await runProgram(["import", "pets", "--store", options.store], options)).toMatchObject({
      code: 0,
    });
    // Long enough to lose its bucket in the middle, short enough to come to the checkpoint that it can't write.
    const flags = [...quick, "--run", "vanishing-1", "--epochs", "60"];
    const cluster = await TestCluster.start("pets", flags, options);
    try {
      cluster.worker("a");
      await cluster.until("some steps", (status) => status.step > 3);
      await minio.removeBucket("vanishing");
      const end = await cluster.coordinatorEnd;
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(/vanishing/);
      expect(end.stderr).not.toMatch(/\n {4}at /);
    } finally {
      await cluster.close();
    }
  }, 300_000);
});
