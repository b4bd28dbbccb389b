/**
 * What slow links are for: lanes that add several engine calls to a gradient, and lanes that make steps of their own
 * between two exchanges of weights. Real processes and real TensorFlow; lanes are the replicas, so the bits are the same
 * on 1, 2 and 4 workers, and when one is killed.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checksums, TestCluster } from "../support/cluster.js";
import { runProgram, scratch } from "../support/program.js";
import { type FinishedRun, finishedRun, importFaces } from "../support/reference-run.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const common = ["--lanes", "4", "--batch-size", "32", "--image-size", "32", "--seed", "5"];
/** 196 photographs, 49 a lane. */
const images = 196;

beforeAll(() => importFaces(options), 60_000);
afterAll(() => place.remove());

/** To the end on these workers; `hurt` is what happens meanwhile. */
async function train(
  run: string,
  flags: readonly string[],
  workers: number,
  hurt: (cluster: TestCluster) => Promise<void> = async () => undefined,
): Promise<FinishedRun> {
  const cluster = await TestCluster.start("faces", ["--run", run, ...common, ...flags], options);
  try {
    for (let worker = 1; worker <= workers; worker += 1) cluster.worker(`w${worker}`);
    await cluster.until("all workers", ({ workers: there, step }) => step > 0 || there.length === workers);
    await hurt(cluster);
    expect(await cluster.coordinatorEnd).toMatchObject({ code: 0 });
  } finally {
    await cluster.close();
  }
  return await finishedRun(run, options);
}

function expectSame(other: FinishedRun, one: FinishedRun): void {
  expect(checksums(other.curve)).toEqual(checksums(one.curve));
  const figures = ({ curve }: FinishedRun) =>
    curve.epochs.map(({ loss, accuracy, validationLoss }) => [loss, accuracy, validationLoss]);
  expect(figures(other)).toEqual(figures(one));
  expect(other.result.weightsSha256).toBe(one.result.weightsSha256);
  expect(other.result.samples).toMatchObject({ skipped: 0, excluded: 0, lost: 0, repeated: 0 });
  expect(other.result.samples.committed).toBe(one.result.samples.committed);
}

describe("4 local steps of 2 calls each", () => {
  const flags = ["--local-steps", "4", "--local-lr", "0.02", "--accumulate", "2", "--epochs", "4"];
  /** A step takes 4 x 8 of a lane's 49 photographs; the epoch's last 17 are 3 local steps. */
  const steps = 4 * 2;
  let one: FinishedRun;

  beforeAll(async () => {
    one = await train("local-one", flags, 1);
  }, 300_000);

  it("take every photograph once an epoch in a quarter of the steps, and learn", () => {
    expect(one.curve.steps).toHaveLength(steps);
    expect(new Set(checksums(one.curve)).size).toBe(steps);
    expect(one.result.samples).toMatchObject({ committed: 4 * images, redone: 0 });
    const losses = one.curve.epochs.map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });

  it("are the same bits on 2 and on 4 workers", async () => {
    expectSame(await train("local-two", flags, 2), one);
    expectSame(await train("local-four", flags, 4), one);
  }, 300_000);

  it("are the same bits when one of 2 workers is killed", async () => {
    const killed = await train("local-killed", flags, 2, async (cluster) => {
      await cluster.until("two steps of two", ({ step }) => step >= 2);
      cluster.kill("w2", "SIGKILL");
    });
    expectSame(killed, one);
  }, 300_000);

  it("stand in `runs show`, and can't be changed when the run goes on", async () => {
    const shown = await runProgram(["runs", "show", "local-one", "--store", options.store], options);
    expect(shown.stdout).toContain("32 in 4 lanes x 2 calls, 4 local steps of SGD 0.02, 4 epochs, seed 5");
    const again = ["coordinator", "--run", "local-one", "--local-steps", "2", "--store", options.store];
    const refused = await runProgram([...again, "--accumulate", "1"], options);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/--accumulate, --local-steps are decided when a run begins/);
  });
});

describe("--accumulate 4", () => {
  const flags = ["--accumulate", "4", "--epochs", "1"];

  it("alone is the same bits on 1 and on 2 workers", async () => {
    const one = await train("accumulate-one", flags, 1);
    expect(one.curve.steps).toHaveLength(Math.ceil(images / 32));
    expectSame(await train("accumulate-two", flags, 2), one);
  }, 300_000);

  it("written as --accumulation is refused, with the flag that is meant", async () => {
    const { code, stderr } = await runProgram(
      ["train", "faces", "--accumulation", "4", "--store", options.store],
      options,
    );
    expect(code).toBe(2);
    expect(stderr).toContain("unknown option --accumulation; did you mean --accumulate?");
  });
});
