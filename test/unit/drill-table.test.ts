import { expect, it } from "vitest";
import { boundsLine, columns, faultTable, keptLine } from "../../drill/table.js";
import type { FaultJudged } from "../../drill/verdict.js";

const fault = (more: Partial<FaultJudged> = {}): FaultJudged => ({
  fault: "worker",
  how: "SIGKILL",
  target: "worker-2",
  run: "broken-1",
  step: 4,
  secondsToNextCommit: 0.512,
  longestPauseSeconds: 0.5,
  laterPauseSeconds: 0.2,
  secondsAway: 3,
  secondsFromBack: null,
  workersCutOff: null,
  stepsRedone: 0,
  samplesRedone: 32,
  samplesLost: 0,
  samplesTwice: 0,
  weightsEqual: true,
  bound: { promise: "2 s after a death", limitSeconds: 2.2, seconds: 0.512, met: true },
  ...more,
});
const late = fault({
  secondsToNextCommit: 3,
  bound: { promise: "2 s after a death", limitSeconds: 2.2, seconds: 3, met: false },
});
const cells = (line: string | undefined) => (line ?? "").split(/ {2,}/);

it("a line a fault under the columns", () => {
  const lines = faultTable([fault(), fault({ fault: "store", how: "renamed", bound: null })]).split("\n");
  expect(cells(lines[0])).toEqual([...columns]);
  expect(cells(lines[1])).toEqual(["worker (SIGKILL)", "0.51 s", "0", "32", "0", "0", "yes"]);
  expect(cells(lines[2])?.[0]).toBe("store (renamed)");
});

it("other weights and a bound that was missed stand out", () => {
  const [, line] = faultTable([{ ...late, weightsEqual: false, samplesLost: 64 }]).split("\n");
  expect(cells(line)).toEqual(["worker (SIGKILL)", "3.00 s !", "0", "32", "64", "0", "NO"]);
});

it("the last line names every bound once, or the fault that missed its own, with both times", () => {
  expect(boundsLine([fault(), fault()])).toBe(
    "times: all within their bounds (next commit within 2 s after a death)",
  );
  const missed = boundsLine([fault(), late, fault({ bound: null })]);
  expect(missed).toMatch(/^times: bound missed \(!\): worker 3\.00 s, promised are 2\.20 s/);
});

it("says kept or BROKEN", () => {
  expect(keptLine(true, 5)).toMatch(/^kept: after 5 faults/);
  expect(keptLine(false, 5)).toMatch(/^BROKEN/);
});
