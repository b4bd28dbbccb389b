/**
 * Two workers are one: real processes, real gRPC, real TensorFlow. The same run on 1, 2 and 3 workers, with a
 * worker killed, one drained and one that comes late, has the same weights after every step, bit for bit.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Curve } from "../../shared/curve.js";
import { checksums, TestCluster } from "../support/cluster.js";
import { photographs, runProgram, scratch } from "../support/program.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "8", "--batch-size", "64", "--epochs", "2", "--image-size", "32", "--seed", "5"];

/** Runs to the end with these workers; `during` may hurt them. */
async function train(
  run: string,
  workers: readonly string[],
  during: (cluster: TestCluster) => Promise<void> = async () => undefined,
  extra: readonly string[] = [],
): Promise<{
  curve: Curve;
  result: { samples: Record<string, number>; weightsSha256: string; workersSeen: number };
}> {
  const cluster = await TestCluster.start("faces", ["--run", run, ...flags, ...extra], options);
  try {
    for (const id of workers) cluster.worker(id);
    await during(cluster);
    const { code, stderr } = await cluster.coordinatorEnd;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const shown = await runProgram(["runs", "show", run, "--json", "--store", options.store], options);
    return { curve: await cluster.curve(), result: JSON.parse(shown.stdout) };
  } finally {
    await cluster.close();
  }
}

/** `waiting` stands still, and so computes nothing alone, until `awaited` has joined. */
async function joins(cluster: TestCluster, awaited: string, waiting: string): Promise<void> {
  cluster.kill(waiting, "SIGSTOP");
  await cluster.until(`worker ${awaited}`, ({ workers }) => workers.some(({ id }) => id === awaited));
  cluster.kill(waiting, "SIGCONT");
}

/** Of a and b, which are members before the first step, however late one of them was. */
async function stepOfTwo(cluster: TestCluster): Promise<void> {
  const { workers } = await cluster.until("a worker", ({ workers }) => workers.length > 0);
  const [late, first] = workers[0]?.id === "a" ? ["b", "a"] : ["a", "b"];
  await joins(cluster, late, first);
  await cluster.until("a step of two", ({ step, workers }) => step >= 1 && workers.length === 2);
}

describe("the same run", () => {
  let one: Awaited<ReturnType<typeof train>>;

  beforeAll(async () => {
    const imported = await runProgram(
      ["import", photographs("faces"), "--name", "faces", "--store", options.store],
      options,
    );
    expect(imported.code).toBe(0);
    one = await train("one", ["a"]);
  }, 300_000);
  afterAll(() => place.remove());

  const expectSame = (other: Awaited<ReturnType<typeof train>>) => {
    expect(checksums(other.curve)).toEqual(checksums(one.curve));
    expect(other.result.weightsSha256).toBe(one.result.weightsSha256);
    expect(other.result.samples).toMatchObject({ committed: 2 * 196, skipped: 0, lost: 0, repeated: 0 });
    const losses = (curve: Curve) => curve.epochs.map((row) => [row.loss, row.accuracy, row.validationLoss]);
    expect(losses(other.curve)).toEqual(losses(one.curve));
  };

  it("changes its weights in every step, and takes every sample once an epoch", () => {
    expect(one.curve.steps).toHaveLength(2 * 4);
    expect(new Set(checksums(one.curve)).size).toBe(8);
    expect(one.result.samples).toMatchObject({ committed: 392, redone: 0, lost: 0, repeated: 0 });
  });

  it("has the same bits on 2 workers", async () => expectSame(await train("two", ["a", "b"])), 180_000);

  it("has the same bits on 3 workers, and with 3 reducers", async () => {
    expectSame(await train("three", ["a", "b", "c"], undefined, ["--reducers", "3"]));
  }, 300_000);

  it("has the same bits when a worker is killed and another comes late", async () => {
    const killed = await train("killed", ["a", "b"], async (cluster) => {
      await stepOfTwo(cluster);
      cluster.kill("b", "SIGKILL");
      cluster.worker("late");
      await joins(cluster, "late", "a");
    });
    expectSame(killed);
    // One that stood still for too long is counted again when it comes back.
    expect(killed.result.workersSeen).toBeGreaterThanOrEqual(3);
  }, 300_000);

  it("has the same bits when a worker is drained: it hands its lanes back and exits 3", async () => {
    const drained = await train("drained", ["a", "b"], async (cluster) => {
      await stepOfTwo(cluster);
      cluster.kill("b", "SIGTERM");
      expect((await cluster.end("b")).code).toBe(3);
    });
    expectSame(drained);
  }, 300_000);

  it("has the same bits on the bfloat16 wire, others than on float32's, and learns as well", async () => {
    const wire = ["--wire", "bfloat16"];
    const alone = await train("rounded", ["a"], undefined, wire);
    const three = await train("rounded-three", ["a", "b", "c"], undefined, [...wire, "--reducers", "3"]);
    expect(checksums(three.curve)).toEqual(checksums(alone.curve));
    expect(three.result.weightsSha256).toBe(alone.result.weightsSha256);
    expect(checksums(alone.curve)).not.toEqual(checksums(one.curve));
    // The evaluation is of exact weights on either; what rounding costs a short run is small.
    const validation = (curve: Curve) => curve.epochs.map((row) => row.validationLoss);
    expect(validation(three.curve)).toEqual(validation(alone.curve));
    alone.curve.epochs.forEach(({ loss }, epoch) => {
      expect(Math.abs((loss ?? Number.NaN) - (one.curve.epochs[epoch]?.loss ?? 0))).toBeLessThan(0.05);
    });
  }, 300_000);
});
