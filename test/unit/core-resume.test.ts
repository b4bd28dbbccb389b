/** A coordinator that goes on from another one's checkpoint decides as the other one would have. */
import { describe, expect, it } from "vitest";
import { decodeState, encodeState } from "../../coordinator/checkpoints/checkpoint-state.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { CoreDriver, goOn, has, sent, tinyLayout, tinySpec } from "../support/core-driver.js";
import { lastSaved, restoredFrom } from "../support/core-restored.js";
import { adamSpec, sgdSpec } from "../support/optimizers.js";

/** Carries out what the core waits for, once; the validation loss falls, rises, and falls. */
function advance(core: CoreDriver): void {
  const { phase, progress } = core.state;
  switch (phase.tag) {
    case "training":
      core.completesStep();
      return;
    case "evaluating": {
      const lossSum = [5, 7, 3, 9][progress.epoch] ?? 1;
      core.says("a", { kind: "blockResult", step: progress.step, block: 0, lossSum, predicted: [0, 1, 0] });
      return;
    }
    case "saving":
      core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
      return;
    case "exporting":
      core.says("a", { kind: "exported", checkpoint: phase.checkpoint, paths: ["x"] });
      return;
    case "publishing":
      core.on({ tag: "published" });
      return;
    default:
      throw new Error(`nothing to carry out in ${phase.tag}`);
  }
}

/** Each checkpoint but the first and the last is written at once. */
function runWhile(core: CoreDriver, isOn: () => boolean): void {
  while (isOn()) {
    const before = core.effects.length;
    advance(core);
    const saved = core.effects.slice(before).find((effect) => effect.tag === "checkpoint");
    if (saved?.tag === "checkpoint" && core.state.phase.tag !== "saving") {
      core.on({ tag: "checkpointWritten", checkpoint: saved.checkpoint });
    }
  }
}
const toEnd = (core: CoreDriver) => runWhile(core, () => core.state.phase.tag !== "ended");

/** All that decides the weights and the curve, from a step on. */
const decided = (core: CoreDriver, fromStep: number) =>
  core.effects.flatMap((effect): unknown[] => {
    if (effect.tag === "apply" && effect.step >= fromStep) return [effect];
    if (effect.tag === "stepCommitted" && effect.row.step >= fromStep) return [effect.row];
    return effect.tag === "epochEnded" && effect.row.step > fromStep ? [effect.row, effect.evaluation] : [];
  });

const plateau = { factor: 0.5, patience: 1, minDelta: 0, minLearningRate: 0 };
const specOf = (kind: OptimizerSpec) =>
  tinySpec({ epochs: 4, plateau, optimizer: { ...kind, schedule: "cosine" }, exportWeights: "best" });
const momentum: OptimizerSpec = { ...sgdSpec, momentum: 0.9, nesterov: true };

describe.each([
  ["Adam", specOf(adamSpec)],
  ["SGD", specOf(momentum)],
])("a restored core with %s", (_, spec) => {
  const unbroken = new CoreDriver(spec);
  unbroken.begins("a");
  toEnd(unbroken);

  it.each([0, 1, 2, 4, 5, 7, 8, 10, 11])("goes on after step %i as the unbroken one", (steps) => {
    const former = new CoreDriver(spec);
    former.begins("a");
    runWhile(former, () => former.state.progress.step < steps);
    former.on({ tag: "stop", reason: "test" });
    const restored = restoredFrom(lastSaved(former));
    expect(restored.checkpoint).toBe(`1-${steps}`);
    const core = goOn(spec, restored);
    expect(sent(core.effects, "initialise")).toHaveLength(0);
    expect(core.effects).toContainEqual({ tag: "restore", checkpoint: `1-${steps}`, step: steps });
    toEnd(core);
    expect(decided(core, steps)).toEqual(decided(unbroken, steps));
    const { ledger, memory, optimizer, statistics } = core.state.progress;
    expect({ ledger, memory, optimizer, statistics }).toEqual({
      ledger: unbroken.state.progress.ledger,
      memory: unbroken.state.progress.memory,
      optimizer: unbroken.state.progress.optimizer,
      statistics: unbroken.state.progress.statistics,
    });
    expect(core.state.results.evaluation).toEqual(unbroken.state.results.evaluation);
  });

  it("evaluates an epoch first whose steps are done, and repeats none of them", () => {
    const former = new CoreDriver(spec);
    former.begins("a");
    runWhile(former, () => former.state.phase.tag !== "evaluating");
    former.on({ tag: "stop", reason: "test" });
    const core = goOn(spec, restoredFrom(lastSaved(former)));
    expect(core.state.phase.tag).toBe("evaluating");
    expect(has(core.effects, "beginStep")).toBe(false);
    toEnd(core);
    expect(decided(core, 3)).toEqual(decided(unbroken, 3));
  });

  it("only exports after the last epoch: the best weights, which a former coordinator saved", () => {
    const former = new CoreDriver(spec);
    former.begins("a");
    runWhile(former, () => former.state.phase.tag !== "exporting");
    const core = goOn(spec, restoredFrom(lastSaved(former)));
    expect(sent(core.effects, "gradients")).toHaveLength(0);
    expect(sent(core.effects, "export")).toMatchObject([{ body: { checkpoint: "1-9" } }]);
    toEnd(core);
    expect(core.state.phase).toMatchObject({ outcome: { tag: "finished", reason: "all 4 epochs are done" } });
  });

  it("writes a checkpoint of its own generation at once, whatever a former coordinator may still delete", () => {
    const former = new CoreDriver(spec);
    former.begins("a");
    former.completesStep();
    former.on({ tag: "stop", reason: "test" });
    const core = goOn(spec, restoredFrom(lastSaved(former)));
    expect(core.effects).toContainEqual(expect.objectContaining({ tag: "checkpoint", checkpoint: "2-1" }));
  });

  it("enters what is computed once more as redone, and keeps clocks, workers and fingerprints of the run", () => {
    const former = new CoreDriver(spec);
    former.passes(3_000);
    former.begins("a", "b");
    former.passes(2_000);
    former.on({ tag: "stop", reason: "test" });
    const core = goOn(spec, restoredFrom(lastSaved(former), 48));
    expect(core.state.progress.ledger).toMatchObject({ committed: 0, redone: 48 });
    expect(core.state.clock.nowMs - core.state.clock.startedMs).toBe(5_000);
    expect(core.state.clock.nowMs - core.state.clock.epochStartedMs).toBe(2_000);
    expect(core.state.membership.joined).toBe(3);
    expect(sent(core.hello("c", { device: "another cpu" }), "refused")).toHaveLength(1);
  });

  it("gives no work out before all slices hold the checkpoint's vectors", () => {
    const former = new CoreDriver(spec);
    former.begins("a");
    former.on({ tag: "stop", reason: "test" });
    const core = new CoreDriver(spec, 22, [0, 1, 1], restoredFrom(lastSaved(former)));
    core.joins("a");
    core.on({ tag: "slicesUp", count: 2 });
    core.on({ tag: "sliceLoaded", slice: 1 });
    core.joins("b");
    expect(sent(core.effects, "gradients")).toHaveLength(0);
    expect(sent(core.on({ tag: "sliceLoaded", slice: 0 }), "gradients")).toHaveLength(2);
  });

  it("refuses a worker whose model has other parameters than the checkpoint", () => {
    const former = new CoreDriver(spec);
    former.begins("a");
    former.on({ tag: "stop", reason: "test" });
    const core = new CoreDriver(spec, 22, [0, 1, 1], restoredFrom(lastSaved(former)));
    core.hello("a");
    const other = { ...tinyLayout, statisticsCount: 4 };
    const effects = core.says("a", { kind: "ready", layoutJson: JSON.stringify(other) });
    expect(sent(effects, "refused")).toHaveLength(1);
    expect(has(effects, "startSlices")).toBe(false);
  });
});

describe("a stored state", () => {
  const stored = (change: object) => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    const { checkpoint, saved } = lastSaved(core);
    const state = JSON.parse(Buffer.from(encodeState(checkpoint, tinyLayout, saved)).toString());
    state.progress.optimizer = change;
    return Buffer.from(JSON.stringify(state));
  };
  const adam = { learningRate: 1e-3, count: 3, beta1Power: 0.729, beta2Power: 0.997 };

  it("without an optimizer's name is Adam's", () => {
    const { saved } = decodeState(stored(adam), "state.json");
    expect(saved.progress.optimizer).toEqual({ name: "adam", ...adam });
  });

  it("of an optimizer that this version lacks, or with a field missing, is refused by its key", () => {
    const { beta1Power: _, ...cut } = adam;
    for (const optimizer of [{ name: "lamb", learningRate: 1, count: 1 }, cut])
      expect(() => decodeState(stored(optimizer), "the/state.json")).toThrow("the/state.json is not a state");
  });
});
