/** Samples that can't be read any more, and machines that only say so; suspects. */
import { describe, expect, it } from "vitest";
import type { Effect } from "../../coordinator/core/events.js";
import { samplesOf } from "../../coordinator/core/run-dimensions.js";
import { CoreDriver, has, sent, tinySpec } from "../support/core-driver.js";

/** 4 lanes of 10 samples, 2 a step; nothing to validate. */
const started = (...workers: string[]) => {
  const core = new CoreDriver(tinySpec({ epochs: 2 }), 40, []);
  core.begins(...workers);
  return core;
};

const sampleOf = (core: CoreDriver, lane: number) =>
  samplesOf(core.state.run.dimensions, core.state.progress, lane)[0] as number;

function damaged(
  core: CoreDriver,
  worker: string,
  samples: number[],
  split: "train" | "validation" = "train",
) {
  const { phase, progress } = core.state;
  const attempt = phase.tag === "training" ? phase.attempt : 0;
  const [key, reason] = ["datasets/tiny/shards/000000.tar", `sample ${samples[0]} does not match its hash`];
  return core.says(worker, { kind: "damaged", step: progress.step, attempt, split, samples, key, reason });
}

const dropped = (effects: readonly Effect[]) => effects.filter(({ tag }) => tag === "dropped");

describe("a sample that one worker can't read", () => {
  it("is tried by another, and nothing is excluded when that one can", () => {
    const core = started("a", "b");
    const sample = sampleOf(core, 0);
    const effects = damaged(core, "a", [sample]);
    expect(sent(effects, "gradients")).toMatchObject([{ worker: "b", body: { lanes: [0], excluded: [] } }]);
    core.record("b", 0);
    expect(core.state.membership.suspicions.get("a")).toMatchObject({ count: 1 });
    expect(core.state.progress.exclusions).toEqual([]);
    core.settles("a");
    expect(core.state.workers.has("a")).toBe(true);
    core.completesStep();
    expect(core.state.progress.ledger).toMatchObject({ committed: 8, excluded: 0 });
  });

  it("that fails again and again where others succeed is drained with the third", () => {
    const core = started("a", "b");
    for (let step = 0; step < 3; step += 1) {
      const lane = core.assigned["a"]?.[0] as number;
      damaged(core, "a", [sampleOf(core, lane)]);
      core.record("b", lane);
      core.completesStep();
    }
    expect(sent(core.effects, "drain")).toMatchObject([{ worker: "a" }]);
    expect([...core.state.workers.keys()]).toEqual(["b"]);
  });

  it("is excluded at once where nobody else is there to try", () => {
    const core = started("a");
    const sample = sampleOf(core, 2);
    const effects = damaged(core, "a", [sample]);
    expect(core.state.progress.exclusions).toMatchObject([{ split: "train", sample, step: 0 }]);
    expect(effects).toContainEqual(expect.objectContaining({ tag: "beginStep", attempt: 1 }));
    expect(sent(effects, "gradients")).toMatchObject([
      { body: { attempt: 1, excluded: [sample], lanes: [0, 1, 2, 3] } },
    ]);
  });
});

describe("a sample that two workers can't read", () => {
  it("is left out from this step on, with exact counts, in this epoch and the next", () => {
    const core = started("a", "b");
    const sample = sampleOf(core, 0);
    damaged(core, "a", [sample]);
    const effects = damaged(core, "b", [sample]);
    expect(effects).toContainEqual({
      tag: "excluded",
      exclusions: [
        expect.objectContaining({ sample, split: "train", key: "datasets/tiny/shards/000000.tar" }),
      ],
    });
    expect(core.state.phase).toMatchObject({ attempt: 1, samples: [1, 2, 2, 2] });
    expect(dropped(core.record("b", 3, { attempt: 0 }))).toMatchObject([{ reason: "stale attempt" }]);
    expect(dropped(core.record("a", 0, { samples: 2 }))).toMatchObject([{ reason: "wrong sample count" }]);
    for (let step = 0; step < 10; step += 1) core.completesStep();
    expect(core.state.progress.ledger).toMatchObject({ committed: 78, excluded: 2, skipped: 0 });
    const rows = core.effects.flatMap((effect) => (effect.tag === "stepCommitted" ? [effect.row] : []));
    expect(rows[0]).toMatchObject({ samples: 7 });
    expect(rows.reduce((sum, row) => sum + row.samples, 0)).toBe(78);
  });

  it("is divided out: the update is that of the samples that are left", () => {
    const core = started("a");
    damaged(core, "a", [sampleOf(core, 1)]);
    core.completesStep();
    const apply = core.effects.find((effect) => effect.tag === "apply");
    expect(apply).toMatchObject({ update: { divisor: 7 } });
  });

  it("leaves its lane absent when it was the last one there", () => {
    const core = started("a");
    damaged(core, "a", samplesOf(core.state.run.dimensions, core.state.progress, 1));
    const begun = core.effects.filter((effect) => effect.tag === "beginStep");
    expect(begun.at(-1)).toMatchObject({ attempt: 1, present: [0, 2, 3] });
    core.completesStep();
    expect(core.state.progress.ledger).toMatchObject({ committed: 6, excluded: 2 });
  });

  it("ends the run, by name, when too many are gone", () => {
    const core = started("a");
    for (const lane of [0, 1])
      damaged(core, "a", samplesOf(core.state.run.dimensions, core.state.progress, lane));
    expect(core.state.phase.tag).toBe("training");
    damaged(core, "a", [sampleOf(core, 2)]);
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: {
        tag: "failed",
        reason: expect.stringMatching(
          /^5 of 40 training images of the data set tiny can't be read .*--max-excluded$/,
        ),
      },
    });
  });
});

it("damage is believed of a worker's own lanes only, of this step, and of samples that exist", () => {
  const core = started("a", "b");
  const foreign = sampleOf(core, 3);
  expect(dropped(damaged(core, "a", [foreign]))).toMatchObject([{ reason: "misplaced" }]);
  expect(dropped(damaged(core, "a", [4_000]))).toMatchObject([{ reason: "misplaced" }]);
  expect(dropped(damaged(core, "a", [sampleOf(core, 0)], "validation"))).toMatchObject([
    { reason: "misplaced" },
  ]);
  expect(core.state.progress.exclusions).toEqual([]);
});

describe("a validation sample that nobody can read", () => {
  const evaluating = (...workers: string[]) => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, [0, 1, 1]);
    core.begins(...workers);
    core.completesStep();
    expect(core.state.phase.tag).toBe("evaluating");
    return core;
  };
  const result = (core: CoreDriver, worker: string, predicted: number[], lossSum = 2) =>
    core.says(worker, { kind: "blockResult", step: core.state.progress.step, block: 0, lossSum, predicted });

  it("is left out of the denominator", () => {
    const core = evaluating("a", "b");
    const effects = damaged(core, "a", [1], "validation");
    expect(sent(effects, "evaluate")).toMatchObject([{ worker: "b", body: { excluded: [] } }]);
    const again = damaged(core, "b", [1], "validation");
    expect(sent(again, "evaluate")).toMatchObject([{ body: { blocks: [0], excluded: [1] } }]);
    expect(dropped(result(core, "a", [0, 1, 1]))).toMatchObject([{ reason: "wrong sample count" }]);
    result(core, "a", [0, 0]);
    expect(core.state.results.evaluation).toMatchObject({
      loss: 1,
      accuracy: 0.5,
      confusion: [
        [1, 0],
        [1, 0],
      ],
    });
  });

  it("and a loss that is not finite is believed when a second computation says so too", () => {
    const core = evaluating("a", "b");
    const effects = result(core, "a", [0, 0, 0], Number.NaN);
    expect(sent(effects, "evaluate")).toMatchObject([{ worker: "b" }]);
    expect(dropped(result(core, "a", [0, 0, 0], Number.NaN))).toMatchObject([{ reason: "not asked" }]);
    expect(core.state.results.evaluation).toBeNull();
    result(core, "b", [0, 0, 0], 3);
    expect(core.state.results.evaluation).toMatchObject({ loss: 1 });
    expect(core.state.membership.suspicions.get("a")).toMatchObject({ count: 1 });
    const other = evaluating("a", "b");
    result(other, "a", [0, 0, 0], Number.POSITIVE_INFINITY);
    result(other, "b", [0, 0, 0], Number.POSITIVE_INFINITY);
    expect(other.state.results.evaluation?.loss).toBe(Number.POSITIVE_INFINITY);
    expect(other.state.membership.suspicions.size).toBe(0);
  });
});

it("a worker that returns lanes without a word has failed; one that reported damage has not", () => {
  const core = started("a", "b");
  expect(sent(core.settles("a"), "gradients")).toMatchObject([{ worker: "b", body: { lanes: [0, 1] } }]);
  expect(core.state.workers.has("a")).toBe(false);
});

it("values that are not finite on one machine only make it a suspect, and name its samples", () => {
  const core = started("a", "b");
  const samples = samplesOf(core.state.run.dimensions, core.state.progress, 0);
  const effects = core.record("a", 0, { finite: false });
  expect(effects).toContainEqual(
    expect.objectContaining({
      level: "warn",
      message: `worker a returned values that are not finite for lane 0 of step 0, samples ${samples.join(", ")}`,
    }),
  );
  core.record("b", 0);
  expect(core.state.membership.suspicions.get("a")).toMatchObject({ count: 1 });
  expect(has(core.completesStep(), "stepCommitted")).toBe(true);
  expect(core.state.progress.ledger).toMatchObject({ committed: 8, skipped: 0 });
});

it("the last machine is kept, whatever is held against it", () => {
  const core = started("a");
  for (let step = 0; step < 4; step += 1) {
    core.record("a", 0, { finite: false });
    core.completesStep();
  }
  expect([...core.state.workers.keys()]).toEqual(["a"]);
  expect(core.state.progress.step).toBe(4);
});
