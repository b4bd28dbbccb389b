import { describe, expect, it } from "vitest";
import { duration } from "../../cli/duration.js";
import { Progress, progressLine } from "../../cli/progress.js";
import type { RunStatus } from "../../shared/status.js";

const status: RunStatus = {
  run: "faces-1",
  phase: "training",
  epoch: 2,
  epochs: 25,
  stepInEpoch: 12,
  stepsPerEpoch: 25,
  step: 62,
  steps: 625,
  loss: 0.51234,
  accuracy: 0.742,
  imagesPerSecond: 812.4,
  etaSeconds: 130,
  workers: [],
};
const lastEpoch = {
  epoch: 1,
  loss: 0.6,
  accuracy: 0.7,
  validationLoss: 0.65,
  validationAccuracy: 0.6875,
  seconds: 3,
  imagesPerSecond: 800,
};

/** What a terminal of this width, or a pipe, was given. */
function outputOf(columns?: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  return { written, output: columns === undefined ? { write } : { write, isTTY: true, columns } };
}

describe("the progress line", () => {
  it("has epoch, step, loss, accuracy, speed and time to go", () => {
    expect(progressLine(status)).toBe(
      "epoch 3/25 · step 12/25 · loss 0.5123 · accuracy 74.20 % · 812 images/s · ETA 2m 10s",
    );
  });

  it("names what it waits for before the first step", () => {
    const waiting = { ...status, phase: "waiting" as const, step: 0, loss: null, imagesPerSecond: null };
    expect(progressLine({ ...waiting, etaSeconds: null, message: "waiting for a worker" })).toBe(
      "waiting · waiting for a worker",
    );
  });

  it("has no time to go at the end", () => {
    expect(progressLine({ ...status, phase: "finished" })).not.toContain("ETA");
  });
});

describe("on a terminal", () => {
  it("it rewrites one line, never wider than the terminal", () => {
    const { written, output } = outputOf(40);
    const progress = new Progress(output);
    progress.show(status, 0);
    progress.show({ ...status, stepInEpoch: 13 }, 250);
    progress.end();
    expect(written.join("")).not.toMatch(/\n./);
    for (const text of written.slice(0, 2)) {
      expect(text.startsWith("\r\u001b[2K")).toBe(true);
      expect([...text.replace("\r\u001b[2K", "")].length).toBeLessThan(40);
    }
    expect(written.at(-1)).toBe("\n");
  });
});

describe("elsewhere", () => {
  it("a line an epoch, once, and one every ten seconds in between", () => {
    const { written, output } = outputOf();
    const progress = new Progress(output);
    progress.show({ ...status, lastEpoch }, 0);
    for (let ms = 1000; ms <= 19_000; ms += 1000)
      progress.show({ ...status, step: 62 + ms, stepInEpoch: ms, lastEpoch }, ms);
    expect(written[0]).toBe(
      "epoch 2/25 · loss 0.6000 · accuracy 70.00 % · validation loss 0.6500 · accuracy 68.75 % · 800 images/s\n",
    );
    expect(written.slice(1)).toEqual([expect.stringContaining("step 10000/25")]);
  });

  it("the end is told at once", () => {
    const { written, output } = outputOf();
    const progress = new Progress(output);
    progress.show(status, 0);
    progress.show({ ...status, phase: "failed", message: "no worker came" }, 10);
    expect(written.at(-1)).toContain("failed · epoch 3/25");
    expect(written.at(-1)).toContain("no worker came");
  });
});

it.each([
  [0.4, "0 s"],
  [59.4, "59 s"],
  [59.6, "1m 00s"],
  [3599, "59m 59s"],
  [11_220, "3h 07m"],
])("%f seconds are %s", (seconds, words) => expect(duration(seconds)).toBe(words));
