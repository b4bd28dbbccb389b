/**
 * A data set that was damaged after its import, under real processes: the samples that can't be read any more are named
 * and left out, everything else is trained exactly once, and the number of workers changes no bit of that either.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Manifest, type SplitName } from "../../dataset/manifest.js";
import { photographs, runProgram, scratch } from "../support/program.js";
import { type FinishedRun, finishedRun } from "../support/reference-run.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--lanes", "4", "--batch-size", "32", "--epochs", "2", "--image-size", "32", "--seed", "5"];
const stored = (key: string) => join(place.folder, "store", key);
const trainyard = (...words: string[]) => runProgram([...words, "--store", options.store], options);

/** In lanes 0, 2 and 3 of the training split, and one of the validation split. */
const damaged = { train: [10, 120, 190], validation: [7] };
let manifest: Manifest;

/** Changes one byte in the middle of a stored image. */
function spoil(split: SplitName, sample: number): void {
  let first = 0;
  for (const { key, samples } of manifest.splits[split].shards) {
    const entry = samples[sample - first];
    first += samples.length;
    if (entry === undefined) continue;
    const bytes = readFileSync(stored(key));
    const at = entry.offset + Math.floor(entry.bytes / 2);
    bytes[at] = (bytes[at] as number) ^ 0xff;
    return writeFileSync(stored(key), bytes);
  }
  throw new Error(`no sample ${sample} in ${split}`);
}

beforeAll(async () => {
  expect(await trainyard("import", photographs("faces"), "--name", "faces")).toMatchObject({ code: 0 });
  manifest = Manifest.parse(JSON.parse(readFileSync(stored("datasets/faces/manifest.json"), "utf8")));
  for (const sample of damaged.train) spoil("train", sample);
  for (const sample of damaged.validation) spoil("validation", sample);
}, 300_000);
afterAll(() => place.remove());

async function train(run: string, workers: number): Promise<FinishedRun> {
  const words = ["train", "faces", "--run", run, "--workers", String(workers), ...flags];
  const { code, stderr } = await trainyard(...words);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return await finishedRun(run, options);
}

describe("a run over a data set with four damaged images", () => {
  let alone: FinishedRun;

  it("leaves out these and no other, counts exactly, and says which and why", async () => {
    const run = await train("alone", 1);
    alone = run;
    const { result } = run;
    const found = (split: SplitName) =>
      result.exclusions
        .filter((one) => one.split === split)
        .map(({ sample }) => sample)
        .sort((a, b) => a - b);
    expect({ train: found("train"), validation: found("validation") }).toEqual(damaged);
    const samples = manifest.splits.train.samples;
    expect(result.samples).toMatchObject({ skipped: 0, lost: 0, repeated: 0 });
    expect(result.samples.committed).toBe(2 * (samples - damaged.train.length));
    const evaluated = result.confusion.flat().reduce((sum, count) => sum + count, 0);
    expect(evaluated).toBe(manifest.splits.validation.samples - 1);
    for (const { sample, reason } of result.exclusions) {
      expect(reason).toMatch(
        new RegExp(`^sample ${sample} \\(.*\\) in \\S+ does not match its hash, read twice`),
      );
    }
  }, 300_000);

  it("ends with the same bits on two workers, each of which had to fail to read them", async () => {
    const run = await train("pair", 2);
    const bits = ({ curve }: FinishedRun) => curve.steps.map(({ step, crc32c }) => [step, crc32c]);
    expect(bits(run)).toEqual(bits(alone));
    expect(run.result.weightsSha256).toBe(alone.result.weightsSha256);
    const sorted = ({ result }: FinishedRun) =>
      result.exclusions.map(({ split, sample, step }) => `${split} ${sample} from ${step}`).sort();
    expect(sorted(run)).toEqual(sorted(alone));
    expect(run.result.samples).toMatchObject({ lost: 0, repeated: 0 });
    expect(run.result.samples.committed).toBe(alone.result.samples.committed);
  }, 300_000);

  it("fails in a sentence when a whole object is gone: that is more than may be left out", async () => {
    const [shard] = manifest.splits.train.shards;
    rmSync(stored(shard?.key ?? ""));
    const { code, stderr } = await trainyard("train", "faces", "--run", "gone", "--workers", "1", ...flags);
    expect(code).toBe(1);
    expect(stderr).toContain("is not in the store any more");
    expect(stderr).toMatch(/--max-excluded/);
  }, 300_000);
});
