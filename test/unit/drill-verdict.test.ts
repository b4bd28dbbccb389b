import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boundOf,
  compareCommits,
  type FaultSeen,
  isKept,
  judgeFaults,
  judgeRun,
  type RunEnd,
} from "../../drill/verdict.js";
import type { StepRow } from "../../shared/curve.js";

const row = (step: number, more: Partial<StepRow> = {}): StepRow => ({
  step,
  epoch: 0,
  loss: 0.5,
  accuracy: 0.5,
  learningRate: 1e-3,
  gradientNorm: 1,
  samples: 64,
  seconds: 0.2,
  crc32c: 1000 + step,
  status: "applied",
  ...more,
});
const rows = (count: number) => [...Array(count).keys()].map((step) => row(step));
const ended = (steps: readonly StepRow[], more: Partial<RunEnd> = {}): RunEnd => ({
  steps,
  weightsSha256: "ab",
  lost: 0,
  repeated: 0,
  ...more,
});
const seen = (more: Partial<FaultSeen> = {}): FaultSeen => ({
  fault: "worker",
  how: "SIGKILL",
  target: "worker-2",
  run: "broken-1",
  step: 4,
  secondsToNextCommit: 0.5,
  longestPauseSeconds: 0.5,
  laterPauseSeconds: 0.2,
  secondsAway: 3,
  secondsFromBack: null,
  workersCutOff: null,
  stepsRedone: 0,
  samplesRedone: 0,
  ...more,
});
const whole = { from: 0, to: Number.POSITIVE_INFINITY };

describe("two curves", () => {
  it("that are equal lose nothing, have nothing twice, and differ nowhere", () => {
    expect(compareCommits(rows(9), rows(9), whole)).toEqual({
      samplesLost: 0,
      samplesTwice: 0,
      differingSteps: [],
    });
  });

  it("differ where one bit of a checksum does", () => {
    const broken = rows(9).map((each) => (each.step === 5 ? { ...each, crc32c: each.crc32c ^ 1 } : each));
    expect(compareCommits(rows(9), broken, whole)).toMatchObject({ samplesLost: 0, differingSteps: [5] });
  });

  it("a commit that is missing has lost its samples, one that is there twice has used them twice", () => {
    const missing = rows(9).filter(({ step }) => step !== 3);
    expect(compareCommits(rows(9), missing, whole)).toEqual({
      samplesLost: 64,
      samplesTwice: 0,
      differingSteps: [3],
    });
    expect(compareCommits(rows(9), [...rows(9), row(3)], whole)).toEqual({
      samplesLost: 0,
      samplesTwice: 64,
      differingSteps: [3],
    });
  });

  it("a commit that the unbroken run does not have is one too many", () => {
    expect(compareCommits(rows(9), rows(10), whole)).toMatchObject({ samplesTwice: 64, differingSteps: [9] });
  });

  it("a step that was skipped has lost its samples, fewer samples are lost ones", () => {
    const skipped = rows(9).map((each) => (each.step === 2 ? { ...each, status: "skipped" as const } : each));
    expect(compareCommits(rows(9), skipped, whole)).toMatchObject({ samplesLost: 64 });
    const fewer = rows(9).map((each) => (each.step === 2 ? { ...each, samples: 60 } : each));
    expect(compareCommits(rows(9), fewer, whole)).toMatchObject({ samplesLost: 4, samplesTwice: 0 });
  });

  it("any other step, altered anyhow, is found", () => {
    const alter = fc.constantFrom<(steps: StepRow[], at: number) => void>(
      (steps, at) => steps.splice(at, 1),
      (steps, at) => steps.splice(at, 0, steps[at] as StepRow),
      (steps, at) => steps.splice(at, 1, { ...(steps[at] as StepRow), crc32c: 7 }),
    );
    fc.assert(
      fc.property(fc.nat(19), alter, (at, change) => {
        const broken = rows(20);
        change(broken, at);
        expect(compareCommits(rows(20), broken, whole).differingSteps).toEqual([at]);
      }),
    );
  });
});

describe("a fault", () => {
  it("answers for the commits up to the next one, and for those that were computed again", () => {
    const broken = rows(20).map((each) => (each.step === 9 ? { ...each, crc32c: 1 } : each));
    const faults = [
      seen({ step: 4 }),
      seen({ fault: "coordinator", step: 12, stepsRedone: 4 }),
      seen({ step: 16 }),
    ];
    const judged = judgeFaults(faults, ended(rows(20)), ended(broken));
    expect(judged.map(({ weightsEqual }) => weightsEqual)).toEqual([false, false, true]);
    expect(judged.map(({ samplesRedone }) => samplesRedone)).toEqual([0, 4 * 64, 0]);
  });

  it("has other weights when the final ones are, or are none", () => {
    for (const weightsSha256 of ["cd", ""]) {
      const [judged] = judgeFaults([seen()], ended(rows(9), { weightsSha256 }), ended(rows(9)));
      expect(judged?.weightsEqual).toBe(false);
    }
    const none = ended(rows(9), { weightsSha256: "" });
    expect(judgeFaults([seen()], none, none)[0]?.weightsEqual).toBe(false);
  });
});

describe("the verdict", () => {
  const verdict = (broken: RunEnd, faults = [seen()]) =>
    isKept([judgeRun("broken-1", ended(rows(9)), broken)], judgeFaults(faults, ended(rows(9)), broken));

  it("is good for the same commits", () => expect(verdict(ended(rows(9)))).toBe(true));

  it.each([
    ["a commit before the first fault differs", ended([row(0, { crc32c: 7 }), ...rows(9).slice(1)])],
    ["a commit is missing", ended(rows(8))],
    ["a commit is there twice", ended([...rows(9), row(8)])],
    ["the final weights differ", ended(rows(9), { weightsSha256: "cd" })],
    ["its own ledger has lost samples", ended(rows(9), { lost: 1 })],
    ["its own ledger has samples twice", ended(rows(9), { repeated: 1 })],
  ])("is bad when %s", (_, broken) => expect(verdict(broken)).toBe(false));

  it("is bad without a fault", () => expect(verdict(ended(rows(9)), [])).toBe(false));

  it("is bad when a paused coordinator cut a worker off, and only then", () => {
    const paused = (workersCutOff: number) => [seen({ fault: "paused coordinator", workersCutOff })];
    expect(verdict(ended(rows(9)), paused(0))).toBe(true);
    expect(verdict(ended(rows(9)), paused(1))).toBe(false);
  });

  it("does not look at times", () => {
    expect(verdict(ended(rows(9)), [seen({ secondsToNextCommit: 99 })])).toBe(true);
  });
});

describe("the bound", () => {
  const steps = [row(0, { seconds: 60 }), row(1, { seconds: 0.3 }), row(2, { seconds: 0.5 })];

  it.each([
    [seen({ secondsToNextCommit: 2.5 }), 2.5, true],
    [seen({ secondsToNextCommit: 2.51 }), 2.5, false],
    [seen({ fault: "drained worker", secondsToNextCommit: 2.4 }), 2.5, true],
    [seen({ fault: "coordinator", secondsToNextCommit: 14, secondsFromBack: 9 }), 10, true],
    [seen({ fault: "coordinator", secondsToNextCommit: 14, secondsFromBack: 11 }), 10, false],
    [seen({ fault: "frozen worker", secondsToNextCommit: 10 }), 10.5, true],
    [seen({ fault: "frozen worker", secondsToNextCommit: 5, laterPauseSeconds: 11 }), 10.5, false],
  ])("of %o is %d s", (fault, limitSeconds, met) => {
    expect(boundOf(fault, steps)).toMatchObject({ limitSeconds, met });
  });

  it("of a frozen worker is ten steps where these are slow", () => {
    const slow = [row(0), ...[1, 2, 3].map((step) => row(step, { seconds: 4 }))];
    expect(boundOf(seen({ fault: "frozen worker" }), slow)).toMatchObject({ limitSeconds: 44 });
  });

  it("of a store is none", () => expect(boundOf(seen({ fault: "store" }), steps)).toBeNull());
});
