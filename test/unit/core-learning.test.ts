/** Losses that are not finite, and runs that learned nothing: what counts as best, and what such a run ends with. */
import { describe, expect, it } from "vitest";
import { decideEpoch, type EpochMemory, type EpochRow, freshMemory } from "../../coordinator/core/epoch.js";
import type { Outcome } from "../../coordinator/core/state.js";
import { statusOf } from "../../coordinator/status.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

const row = (epoch: number, validationLoss: number | null, loss: number | null = 1): EpochRow => ({
  epoch,
  step: epoch + 1,
  loss,
  accuracy: 0.5,
  validationLoss,
  validationAccuracy: 0.5,
  learningRate: 1e-3,
  seconds: 1,
  imagesPerSecond: 1,
});

/** Epochs that are the best so far, and what the run remembers after the last. */
function bestOf(rows: readonly EpochRow[], memory: EpochMemory = freshMemory) {
  const best: number[] = [];
  for (const each of rows) {
    const decision = decideEpoch(tinySpec({ epochs: 99 }), memory, each, 1e-3);
    memory = decision.memory;
    if (decision.isBest) best.push(each.epoch);
  }
  return { best, memory };
}

describe("the best epoch", () => {
  it("is never one with a loss that is not finite, and comes after it", () => {
    const losses = [Number.NaN, 0.7, Number.POSITIVE_INFINITY, 0.5, Number.NaN, 0.3];
    const { best, memory } = bestOf(losses.map((loss, epoch) => row(epoch, loss)));
    expect(best).toEqual([1, 3, 5]);
    expect(memory).toMatchObject({ best: { epoch: 5 }, stopping: { best: 0.3, wait: 0 } });
  });

  it("replaces one that an earlier version kept with a loss that is not finite", () => {
    const kept = { ...freshMemory, best: row(0, Number.NaN) };
    expect(bestOf([row(1, 0.7), row(2, 0.9)], kept).best).toEqual([1]);
  });

  it("goes by the training loss without validation images, and is none where no step was applied", () => {
    expect(bestOf([row(0, null, null), row(1, null, 0.4), row(2, null, null)]).best).toEqual([1]);
  });
});

/** Every block of the evaluation, as often as it is asked for. */
function evaluates(core: CoreDriver, lossSum: number): void {
  for (let times = 0; times < 9 && core.state.phase.tag === "evaluating"; times += 1) {
    const step = core.state.progress.step;
    core.says("a", { kind: "blockResult", step, block: 0, lossSum, predicted: [0, 0, 0] });
  }
}

/** The step is not finite on two computations. */
function skipsStep(core: CoreDriver): void {
  core.record("a", 0, { finite: false });
  core.record("a", 0, { finite: false });
  core.committed();
}

function writes(core: CoreDriver): void {
  const { phase } = core.state;
  if (phase.tag === "saving") core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
}

/** One epoch of two steps, and its evaluation. */
function epoch(core: CoreDriver, step: (core: CoreDriver) => void, lossSum: number): void {
  for (let count = 0; count < 2; count += 1) step(core);
  evaluates(core, lossSum);
  writes(core);
}

const completes = (core: CoreDriver) => void core.completesStep();
const started = (epochs: number) => {
  const core = new CoreDriver(tinySpec({ epochs }), 16);
  core.begins("a");
  return core;
};
const outcomeOf = ({ state: { phase } }: CoreDriver): Outcome | null =>
  phase.tag === "ended" ? phase.outcome : null;

describe("a run that learned nothing has failed, and says what to change", () => {
  it("because no step was applied", () => {
    const core = started(2);
    for (let count = 0; count < 2; count += 1) epoch(core, skipsStep, 1);
    expect(outcomeOf(core)).toEqual({
      tag: "failed",
      reason:
        "no step was applied: all 4 were skipped (the last because lane 0 is not finite on two computations): train again with a lower --learning-rate or --class-weight or with --clip-norm, or look at the data",
    });
    expect(statusOf(core.state, null)).toMatchObject({
      loss: null,
      accuracy: null,
      imagesPerSecond: null,
      lastEpoch: { loss: null, accuracy: null, imagesPerSecond: null },
    });
  });

  it("because no epoch had a finite validation loss", () => {
    const core = started(2);
    for (let count = 0; count < 2; count += 1) epoch(core, completes, Number.NaN);
    expect(outcomeOf(core)).toMatchObject({
      tag: "failed",
      reason: expect.stringMatching(/^no epoch had a finite validation loss: train again with a lower/),
    });
  });

  it("but one with a single finite loss goes on to its export", () => {
    const core = started(2);
    epoch(core, completes, Number.NaN);
    expect(core.state.checkpoints.best).toBeNull();
    epoch(core, completes, 1);
    expect(core.state.phase).toMatchObject({ tag: "exporting" });
    expect(core.state.checkpoints.best).toBe("1-4");
  });
});

it("a last epoch without a finite loss is not exported: the best one is, whatever --export-weights says", () => {
  const core = started(2);
  expect(core.state.run.dimensions.spec.exportWeights).toBe("last");
  epoch(core, completes, 1);
  epoch(core, completes, Number.NaN);
  expect(core.state.phase).toMatchObject({ tag: "exporting", checkpoint: "1-2" });
});

it("statistics that no float32 holds are not committed: the step is skipped, and the moving ones stay", () => {
  const core = started(2);
  const before = core.state.progress.statistics;
  core.sliceWhole();
  // Each mean is a finite float32; the variance over the lanes is their distance squared.
  for (const lane of [0, 1, 2, 3]) core.record("a", lane, { mean: lane === 0 ? -3e38 : 3e38 });
  core.committed();
  expect(core.state.results.lastSkip).toEqual({ step: 0, reason: "the batch-norm statistics overflow" });
  expect(core.state.progress.statistics).toEqual(before);
});

describe("an epoch whose validation loss is not finite", () => {
  it("has no accuracy and no confusion, and is warned of", () => {
    const core = started(2);
    epoch(core, completes, Number.NaN);
    expect(core.state.results).toMatchObject({
      evaluation: { loss: Number.NaN, accuracy: null, confusion: [] },
      lastEpoch: { validationLoss: Number.NaN, validationAccuracy: null },
    });
    expect(core.effects).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: expect.stringMatching(/^the validation loss of epoch 1 is not finite: train again/),
      }),
    );
  });

  it.each([
    [Number.NaN, "No epoch had a finite loss"],
    [1, "The last epoch had no finite loss; the best checkpoint is 1-2"],
  ])("is never the last good checkpoint of a run that halts (first loss %f)", (first, sentence) => {
    const core = new CoreDriver(tinySpec({ epochs: 9, nonFinite: { policy: "halt", inARow: 5 } }), 16);
    core.begins("a");
    epoch(core, completes, first);
    epoch(core, completes, Number.NaN);
    skipsStep(core);
    writes(core);
    const { reason } = outcomeOf(core) ?? { reason: "" };
    expect(reason.endsWith(sentence)).toBe(true);
    expect(reason).not.toContain("good");
  });
});
