/**
 * A run outlives its coordinator: real processes, real gRPC, real TensorFlow. Killed in an epoch, stopped in one, or
 * left with a damaged checkpoint, it goes on and ends with the weights of an unbroken run, bit for bit.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Curve, fromJson } from "../../shared/curve.js";
import { checksums, TestCluster } from "../support/cluster.js";
import { photographs, runProgram, scratch } from "../support/program.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "8", "--batch-size", "64", "--epochs", "3", "--image-size", "32", "--seed", "5"];
/** 196 training images in batches of 64. */
const stepsPerEpoch = 4;

interface Finished {
  readonly curve: Curve;
  readonly result: { samples: Record<string, number>; weightsSha256: string; seconds: number };
}

const trainyard = (...words: string[]) => runProgram([...words, "--store", options.store], options);
const fileOf = (run: string, ...path: string[]) => join(place.folder, "store", "runs", run, ...path);

async function finished(run: string): Promise<Finished> {
  const { stdout } = await trainyard("runs", "show", run, "--json");
  return { curve: fromJson(readFileSync(fileOf(run, "curve.json"), "utf8")), result: JSON.parse(stdout) };
}

async function begin(run: string, workers: readonly string[]): Promise<TestCluster> {
  const cluster = await TestCluster.start("faces", ["--run", run, ...flags], options);
  for (const id of workers) cluster.worker(id);
  return cluster;
}

/** Ends in the middle of the second epoch, with a checkpoint there. */
async function stopInSecondEpoch(run: string): Promise<void> {
  const cluster = await begin(run, ["a", "b"]);
  try {
    await cluster.until("a step of the second epoch", ({ step }) => step > stepsPerEpoch);
    expect((await trainyard("runs", "stop", run)).code).toBe(0);
    expect((await cluster.coordinatorEnd).code).toBe(3);
  } finally {
    await cluster.close();
  }
}

describe("a run of three epochs", () => {
  let unbroken: Finished;

  beforeAll(async () => {
    expect((await trainyard("import", photographs("faces"), "--name", "faces")).code).toBe(0);
    const cluster = await begin("unbroken", ["a", "b"]);
    try {
      expect((await cluster.coordinatorEnd).code).toBe(0);
    } finally {
      await cluster.close();
    }
    unbroken = await finished("unbroken");
  }, 180_000);
  afterAll(() => place.remove());

  const expectSame = (other: Finished) => {
    expect(other.curve.steps.map(({ step }) => step)).toEqual([...Array(3 * stepsPerEpoch).keys()]);
    expect(checksums(other.curve)).toEqual(checksums(unbroken.curve));
    expect(other.result.weightsSha256).toBe(unbroken.result.weightsSha256);
    expect(other.result.samples).toMatchObject({ committed: 3 * 196, skipped: 0, lost: 0, repeated: 0 });
    const rows = (curve: Curve) =>
      curve.epochs.map(({ seconds: _, imagesPerSecond: __, ...row }) => JSON.stringify(row));
    expect(rows(other.curve)).toEqual(rows(unbroken.curve));
  };

  it("ends with the same bits when its coordinator is killed in the second epoch and started again", async () => {
    const cluster = await begin("killed", ["a", "b"]);
    try {
      await cluster.until("a step of the second epoch", ({ step }) => step > stepsPerEpoch + 1);
      await cluster.killCoordinator();
      await cluster.startAgain();
      expect(cluster.ready.notes).toContainEqual(
        `going on from checkpoint 1-${stepsPerEpoch}: epoch 2, step 4`,
      );
      expect((await cluster.coordinatorEnd).code).toBe(0);
      // The same processes as before: nobody started them again.
      expect((await cluster.end("a")).code).toBe(0);
      expect((await cluster.end("b")).code).toBe(0);
    } finally {
      await cluster.close();
    }
    expectSame(await finished("killed"));
    expect(readdirSync(fileOf("killed", "generations"))).toEqual(["1.json", "2.json"]);
  }, 180_000);

  it("ends with the same bits when its coordinator is killed in every epoch, with other reducers each time", async () => {
    const cluster = await begin("killed-often", ["a", "b"]);
    try {
      for (const [generation, reducers] of [1, 3, 2].entries()) {
        const step = generation * stepsPerEpoch + 1;
        await cluster.until(`step ${step}`, (status) => status.step > step);
        await cluster.killCoordinator();
        await cluster.startAgain(["--reducers", String(reducers)]);
      }
      expect((await cluster.coordinatorEnd).code).toBe(0);
    } finally {
      await cluster.close();
    }
    expectSame(await finished("killed-often"));
  }, 240_000);

  it("ends with the same bits when it is stopped in an epoch and resumed by train", async () => {
    await stopInSecondEpoch("stopped");
    const { code, stderr } = await trainyard("train", "--resume", "stopped", "--workers", "1");
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/going on from checkpoint 1-[5-7]: epoch 2, step [5-7]/),
    });
    const resumed = await finished("stopped");
    expectSame(resumed);
    expect(resumed.result.samples).toMatchObject({ redone: 0 });
  }, 180_000);

  it("ends with the same bits when its newest checkpoint is altered, says so, and counts what is redone", async () => {
    await stopInSecondEpoch("altered");
    const newest = readdirSync(fileOf("altered", "checkpoints")).sort().at(-1) as string;
    const vector = fileOf("altered", "checkpoints", newest, "adam-v.safetensors");
    const bytes = readFileSync(vector);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    writeFileSync(vector, bytes);
    const { code, stderr } = await trainyard("train", "--resume", "altered");
    expect(stderr).toContain(`checkpoint ${newest} is skipped: adam-v.safetensors is cut or altered`);
    expect(stderr).toContain(`going on from checkpoint 1-${stepsPerEpoch}: epoch 2, step ${stepsPerEpoch}`);
    expect(code).toBe(0);
    const resumed = await finished("altered");
    expectSame(resumed);
    const lost = Number(newest.split("-")[1]) - stepsPerEpoch;
    expect(resumed.result.samples["redone"]).toBe(lost * 64);
  }, 180_000);

  it.each([
    [["--seed", "5"], "--seed is decided when a run begins: leave it out to go on with unbroken"],
    [["--epochs=9", "--no-horizontal-flip"], "--epochs, --horizontal-flip are decided when a run begins"],
    [["faces"], "--resume takes the data set of its run"],
    [[], "the run unbroken has finished"],
  ])("is not resumed with %j once it has finished", async (words, sentence) => {
    const { code, stderr } = await trainyard("train", "--resume", "unbroken", ...words);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  });

  it("is not taken from a coordinator that answers", async () => {
    const cluster = await begin("owned", []);
    try {
      const second = await trainyard("coordinator", "--run", "owned", "--port", "0");
      expect(second).toMatchObject({ code: 2, stderr: expect.stringContaining(cluster.ready.address) });
      const resumed = await trainyard("train", "--resume", "owned");
      expect(resumed).toMatchObject({ code: 2, stderr: expect.stringContaining(cluster.ready.http) });
    } finally {
      await cluster.close();
    }
  }, 60_000);

  it("is not begun anew when none of its checkpoints is whole: each is named, with the reason", async () => {
    await stopInSecondEpoch("broken");
    const ids = readdirSync(fileOf("broken", "checkpoints"));
    for (const id of ids) writeFileSync(fileOf("broken", "checkpoints", id, "state.json"), "{}");
    const { code, stderr } = await trainyard("coordinator", "--run", "broken", "--port", "0");
    expect(code).toBe(2);
    for (const id of ids)
      expect(stderr).toContain(`checkpoint ${id} is skipped: state.json is cut or altered`);
  }, 180_000);
});
