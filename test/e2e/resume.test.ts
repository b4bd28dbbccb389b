/**
 * A run outlives its coordinator: real processes, real gRPC, real TensorFlow. Killed in an epoch, stopped in one, or
 * left with a damaged checkpoint, it goes on and ends with the weights of an unbroken run, bit for bit.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Curve, fromJson } from "../../shared/curve.js";
import { requestStop } from "../../shared/status.js";
import { checksums, TestCluster } from "../support/cluster.js";
import { photographs, runProgram, scratch } from "../support/program.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "3", "--image-size", "32", "--seed", "5"];
/** 196 training images in batches of 32: the last step of an epoch has 4. */
const stepsPerEpoch = 7;

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

/** Ends in the middle of the second epoch. Returns the step of the checkpoint there. */
async function stopInSecondEpoch(run: string): Promise<number> {
  const cluster = await begin(run, ["a", "b"]);
  try {
    await cluster.until("a step of the second epoch", ({ step }) => step > stepsPerEpoch);
    await requestStop(cluster.ready.http); // as `runs stop` does
    expect((await cluster.coordinatorEnd).code).toBe(3);
  } finally {
    await cluster.close();
  }
  const steps = readdirSync(fileOf(run, "checkpoints")).map((id) => Number(id.split("-")[1]));
  const step = Math.max(...steps);
  expect(step).toBeGreaterThan(stepsPerEpoch);
  expect(step).toBeLessThan(2 * stepsPerEpoch);
  return step;
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
  }, 300_000);
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
      // Training goes on while the first epoch's checkpoint is written.
      const manifest = fileOf("killed", "checkpoints", `1-${stepsPerEpoch}`, "manifest.json");
      const isThere = ({ step }: { step: number }) => step > stepsPerEpoch + 1 && existsSync(manifest);
      await cluster.until("a step of the second epoch", isThere);
      await cluster.killCoordinator();
      await cluster.startAgain();
      expect(cluster.ready.notes).toContainEqual(
        `going on from checkpoint 1-${stepsPerEpoch}: epoch 2, step ${stepsPerEpoch}`,
      );
      expect((await cluster.coordinatorEnd).code).toBe(0);
      // The same processes as before: nobody started them again.
      expect((await cluster.end("a")).code).toBe(0);
      expect((await cluster.end("b")).code).toBe(0);
    } finally {
      await cluster.close();
    }
    expectSame(await finished("killed"));
    // The third closes the run.
    expect(readdirSync(fileOf("killed", "generations"))).toEqual(["1.json", "2.json", "3.json"]);
  }, 300_000);

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
  }, 300_000);

  it("ends with the same bits when its coordinator is killed in an evaluation", async () => {
    const cluster = await begin("evaluating", ["a", "b"]);
    try {
      const isEvaluating = ({ phase }: { phase: string }) => phase === "evaluating";
      const { epoch } = await cluster.until("an evaluation", isEvaluating, 60_000, 0);
      await cluster.killCoordinator();
      await cluster.startAgain();
      const step = epoch * stepsPerEpoch;
      expect(cluster.ready.notes).toEqual([
        `going on from checkpoint 1-${step}: epoch ${epoch + 1}, step ${step}`,
      ]);
      expect((await cluster.coordinatorEnd).code).toBe(0);
    } finally {
      await cluster.close();
    }
    expectSame(await finished("evaluating"));
  }, 300_000);

  it("ends with the same bits when its coordinator is killed in the middle of a checkpoint", async () => {
    const cluster = await begin("half", ["a", "b"]);
    try {
      const half = `1-${stepsPerEpoch}`;
      await cluster.until("a first step", ({ step }) => step > 0);
      const firstObject = fileOf("half", "checkpoints", half, "weights.safetensors");
      while (!existsSync(firstObject)) await setImmediate();
      await cluster.killCoordinator();
      await cluster.startAgain();
      expect(cluster.ready.notes).toEqual([
        expect.stringContaining(`checkpoint ${half} is skipped: it has no manifest`),
        "going on from checkpoint 1-0: epoch 1, step 0",
      ]);
      expect((await cluster.coordinatorEnd).code).toBe(0);
    } finally {
      await cluster.close();
    }
    expectSame(await finished("half"));
  }, 300_000);

  it("ends with the same bits when it is stopped in an epoch and resumed by train", async () => {
    const step = await stopInSecondEpoch("stopped");
    const { code, stderr } = await trainyard("train", "--resume", "stopped", "--workers", "1");
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`going on from checkpoint 1-${step}: epoch 2, step ${step}`),
    });
    const resumed = await finished("stopped");
    expectSame(resumed);
    expect(resumed.result.samples).toMatchObject({ redone: 0 });
  }, 300_000);

  it("ends with the same bits when its newest checkpoint is altered, says so, and counts what is redone", async () => {
    const step = await stopInSecondEpoch("altered");
    const newest = `1-${step}`;
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
    expect(resumed.result.samples["redone"]).toBe((step - stepsPerEpoch) * 32);
  }, 300_000);

  it.each([
    [["--seed", "5"], "--seed is decided when a run begins: leave it out to go on with unbroken"],
    [
      ["--epochs=9", "--lanes=2", "--no-horizontal-flip"],
      "--horizontal-flip, --lanes are decided when a run",
    ],
    [["faces"], "--resume takes the data set of its run"],
    [[], "the run unbroken has finished"],
  ])("is not resumed with %j once it has finished", async (words, sentence) => {
    const { code, stderr } = await trainyard("train", "--resume", "unbroken", ...words);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
  });

  it("has its flags decided for a coordinator, too, and is not begun with resume by a name that is none", async () => {
    const other = await trainyard("coordinator", "--run", "unbroken", "--port", "0", "--batch-size", "16");
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("--batch-size is decided") });
    const unknown = await trainyard("train", "--resume", "unbrokn");
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('no run "unbrokn"') });
    expect(await trainyard("train")).toMatchObject({ code: 2, stderr: expect.stringContaining("--resume") });
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
  }, 300_000);

  it("is not begun anew when none of its checkpoints is whole: each is named, with the reason", async () => {
    await stopInSecondEpoch("broken");
    const ids = readdirSync(fileOf("broken", "checkpoints"));
    for (const id of ids) writeFileSync(fileOf("broken", "checkpoints", id, "state.json"), "{}");
    const { code, stderr } = await trainyard("coordinator", "--run", "broken", "--port", "0");
    expect(code).toBe(2);
    for (const id of ids)
      expect(stderr).toContain(`checkpoint ${id} is skipped: state.json is cut or altered`);
  }, 300_000);
});
