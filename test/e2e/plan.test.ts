/** `trainyard plan` as a user runs it, on a small data set; and what it refuses, each in one sentence. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunResult, type RunTiming } from "../../shared/result.js";
import { flat, writeTree } from "../support/images.js";
import { runProgram, scratch } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);
const run = (...words: string[]) => runProgram(words, { cwd: folder });
const small = ["--model", "digits", "--image-size", "16", "--batch-size", "16", "--lanes", "4"];

beforeAll(async () => {
  const files: Record<string, Buffer> = {};
  for (const [label, name] of ["dark", "light"].entries()) {
    for (let image = 0; image < 16; image += 1) {
      const level = 150 * label + 4 * image;
      files[`shades/${name}/${image}.png`] = await flat({ r: level, g: level, b: level }).png().toBuffer();
    }
  }
  await writeTree(folder, files);
  expect((await run("import", "shades", "--name", "shades")).code).toBe(0);
}, 300_000);

interface Row {
  readonly workers: number;
  readonly images: number;
  readonly usual: { readonly seconds: number; readonly efficiency: number; readonly bytesUp: number };
  readonly best: { readonly seconds: number };
  readonly bottleneck: { readonly name: string };
}

describe("a plan", () => {
  it("measures, and predicts a step for 1 to 64 workers, strong and weak scaling apart", async () => {
    const { code, stdout, stderr } = await run("plan", "shades", ...small, "--link", "1Gbit", "--json");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const plan = JSON.parse(stdout) as {
      readonly strong: Row[];
      readonly weak: Row[];
      readonly here: Row[];
      readonly bytesPerVector: number;
      readonly measured: { readonly engine: { readonly parameters: number; readonly call: { min: number } } };
    };
    const { engine } = plan.measured;
    expect(engine.call.min).toBeGreaterThan(0);
    expect(plan.bytesPerVector).toBe(4 * engine.parameters);
    const counts = [1, 2, 4, 8, 16, 32, 64];
    expect(plan.strong.map(({ workers }) => workers)).toEqual(counts);
    expect(plan.weak.map(({ images }) => images)).toEqual(counts.map((count) => 16 * count));
    expect(plan.here[0]?.workers).toBe(1);
    for (const row of [...plan.strong, ...plan.weak, ...plan.here]) {
      expect(row.usual.seconds).toBeGreaterThan(0);
      expect(row.usual.efficiency).toBeGreaterThan(0);
      expect(row.usual.efficiency).toBeLessThanOrEqual(1);
      expect(row.bottleneck.name).not.toBe("");
    }
    // Four lanes: from four workers on, four partials go up.
    const up = plan.strong.map(({ usual }) => usual.bytesUp / plan.bytesPerVector);
    expect(up).toEqual([1, 2, 4, 4, 4, 4, 4]);
  }, 300_000);

  it("for people names the link, the bottleneck and flags, and stores nothing", async () => {
    const words = ["--reducers", "2", "--wire", "bfloat16", "--latency", "5", "--workers", "4"];
    const { code, stdout } = await run("plan", "shades", ...small, ...words);
    expect(code).toBe(0);
    expect(stdout).toContain("as bfloat16");
    expect(stdout).toContain("loopback with 5 ms each way as measured, which no network exceeds");
    expect(stdout).toMatch(/With 4 workers a step of .* ms waits for the .+ most/);
    expect((await run("runs", "list")).stdout).toContain("no runs yet");
  }, 300_000);
});

describe("a run that has ended", () => {
  it("is shown with what its steps took beside what the model makes of its parts", async () => {
    const train = ["train", "shades", ...small, "--epochs", "2", "--run", "looked-at", "--workers", "2"];
    expect((await run(...train)).code).toBe(0);
    const { stdout } = await run("runs", "show", "looked-at");
    const lines = stdout.split("\n");
    const at = lines.findIndex((line) => line.startsWith("step "));
    expect(lines[at]).toMatch(
      / ms measured \(median of 2, .* to .*\): compute .*, exchange .*, update .*; efficiency \d+ %/,
    );
    expect(lines[at + 1]).toMatch(/ ms predicted on a network without limits: compute .*; efficiency \d+ %/);
    const result = RunResult.parse(JSON.parse((await run("runs", "show", "looked-at", "--json")).stdout));
    const timing = result.timing as RunTiming;
    expect(timing).toMatchObject({ steps: 2, reducers: 1 });
    expect(timing.reducerSeconds).toBeGreaterThan(0);
    expect(timing.laneSeconds.min).toBeGreaterThan(0);
    // Who is ready last may come when the steps are over: those count that computed.
    expect(timing.workers).toBeGreaterThanOrEqual(1);
    expect(timing.workers).toBeLessThanOrEqual(result.workersSeen);
    const efficiency = (4 * timing.laneSeconds.median) / (timing.workers * timing.stepSeconds.median);
    expect(lines[at]).toContain(`; efficiency ${Math.round(100 * efficiency)} %`);
  }, 300_000);
});

describe("bad input is one sentence and exit code 2", () => {
  it.each([
    [["plan", "shades", "--link", "fast"], "--link must be as 1Gbit, 100Mbit"],
    [["plan", "shades", "--link", "0"], "--link must be as 1Gbit, 100Mbit"],
    [["plan", "shades", "--latency", "-1"], "--latency must be at least 0"],
    [["plan", "shades", "--workers", "0"], "--workers must be at least 1"],
    [["plan", "shades", "--workers-per-machine", "1.5"], "--workers-per-machine must be a whole number"],
    [["plan", "shades", "--run", "x"], "unknown option --run"],
    [["plan", "shades", "--batch-size", "10", "--lanes", "4"], "--batch-size 10 is no multiple of 4 lanes"],
    [["plan", "shadow"], "has no data set shadow; did you mean shades?"],
    [["plan"], "an argument is missing, DATASET"],
  ])("%j", async (words, sentence) => {
    const { code, stdout, stderr } = await run(...words);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});
