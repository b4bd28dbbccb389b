/**
 * Machines that compute wrong, read wrong or are slow, as real processes among honest ones: they are named, and sent
 * away where they were wrong, and the run ends with the bits of one without them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestCluster } from "../support/cluster.js";
import { endOf, scratch } from "../support/program.js";
import { finishedRun, ReferenceRun } from "../support/reference-run.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "30", "--image-size", "32", "--seed", "5"];

let reference: ReferenceRun;

beforeAll(async () => {
  reference = await ReferenceRun.ofFaces(flags, options);
}, 300_000);
afterAll(() => place.remove());

type Kind = "liar" | "slow" | "infinite" | "blind";

function startFaulty(kind: Kind, cluster: TestCluster, id: string): ChildProcess {
  const words = [resolve("test/support/faulty-worker.mjs"), kind, cluster.ready.address, id];
  return spawn(process.execPath, words, { cwd: place.folder, stdio: ["ignore", "pipe", "pipe"] });
}

/** A run of two honest workers, to which a faulty one comes; how that one and the run ended. */
async function runWith(kind: Kind, ...more: string[]) {
  const cluster = await TestCluster.start("faces", ["--run", kind, ...flags, ...more], options);
  for (const id of ["a", "b"]) cluster.worker(id);
  await cluster.until("both honest workers", ({ step, workers }) => step > 0 && workers.length === 2);
  const faulty = startFaulty(kind, cluster, kind);
  const faultyEnd = endOf(faulty);
  try {
    await cluster.until("the faulty worker", ({ workers }) => workers.some(({ id }) => id === kind));
    const { code, stderr } = await cluster.coordinatorEnd;
    expect(code).toBe(0);
    return { log: stderr, faultyCode: (await faultyEnd).code, run: await finishedRun(kind, options) };
  } finally {
    faulty.kill("SIGKILL");
    await cluster.close();
  }
}

describe("three machines, one of which", () => {
  it("flips a bit of every sum: audits find it, a third decides, it is drained, and no wrong bit stays", async () => {
    const { log, faultyCode, run } = await runWith("liar", "--audit", "1");
    reference.expectSame(run);
    expect(log).toMatch(
      /workers \S+ and \S+ returned different sums for lanes? \d+ to \d+ of step \d+; a third decides/,
    );
    expect(log).toContain("worker liar is drained: its sum of lanes");
    expect(faultyCode).toBe(3);
  }, 300_000);

  it("returns values that are not finite: they are computed elsewhere, and it is drained with the third", async () => {
    const { log, faultyCode, run } = await runWith("infinite");
    reference.expectSame(run);
    expect(log).toMatch(
      /worker infinite returned values that are not finite for lane \d of step \d+, samples \d+/,
    );
    expect(log).toContain("worker infinite is suspect (1 of 3)");
    expect(log).toContain("worker infinite is drained");
    expect(faultyCode).toBe(3);
  }, 300_000);

  it("reads every image wrong: others read them, nothing is excluded, and it is drained with the third", async () => {
    const { log, faultyCode, run } = await runWith("blind");
    reference.expectSame(run);
    expect(run.result.exclusions).toEqual([]);
    expect(log).toContain("worker blind can't read its memory");
    expect(log).toContain("worker blind is drained");
    expect(faultyCode).toBe(3);
  }, 300_000);

  it("takes ten times as long: its lanes go to others, then for good, and it is told of by name and phase", async () => {
    const { log, faultyCode, run } = await runWith("slow");
    reference.expectSame(run);
    expect(log).toMatch(/worker slow is late with .* in compute/);
    expect(log).toMatch(/worker slow has 0 lanes from now on/);
    expect(faultyCode).toBe(0);
  }, 300_000);
});
