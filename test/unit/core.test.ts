import { describe, expect, it } from "vitest";
import { transition } from "../../coordinator/core/transition.js";
import { protocolVersion } from "../../shared/grpc/version.js";
import { CoreDriver, has, sent, tinyLayout, tinySpec } from "../support/core-driver.js";

describe("a step", () => {
  it("hands every present lane to exactly one worker", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b", "c");
    expect(core.assigned).toEqual({ a: [0, 1], b: [2], c: [3] });
  });

  it("is the same transition every time it is asked", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    const event = { tag: "left", worker: "a", reason: "test" } as const;
    expect(transition(core.state, event)).toEqual(transition(core.state, event));
    expect(core.state.workers.has("a")).toBe(true);
  });

  it("gives a lost worker's unrecorded lanes to the others in the same step, and counts them as redone", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    core.record("a", 0);
    const effects = core.on({ tag: "left", worker: "a", reason: "killed" });
    expect(sent(effects, "gradients")).toMatchObject([{ worker: "b", body: { step: 0, lanes: [1] } }]);
    expect(core.state.progress.ledger.redone).toBe(2);
    expect(core.state.progress.step).toBe(0);
  });

  it("commits once, when every lane and every slice is there", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    for (const lane of [0, 1, 2]) core.record("a", lane);
    expect(has(core.sliceWhole(), "apply")).toBe(false);
    const effects = core.record("a", 3);
    expect(effects).toContainEqual(
      expect.objectContaining({ tag: "apply", update: expect.objectContaining({ divisor: 8 }) }),
    );
    expect(has(core.committed(), "stepCommitted")).toBe(true);
    expect(core.state.progress.step).toBe(1);
  });

  it("drops a lane's second record, a stale step, a stale generation and a wrong sample count", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.record("a", 0);
    expect(core.record("a", 0)).toMatchObject([{ tag: "dropped", reason: "duplicate" }]);
    expect(core.record("a", 1, { step: 9 })).toMatchObject([{ tag: "dropped", reason: "stale step" }]);
    expect(core.record("a", 1, { samples: 1 })).toMatchObject([
      { tag: "dropped", reason: "wrong sample count" },
    ]);
    const stale = core.says("a", { kind: "heartbeat", phase: "idle", share: 0, done: 0 }, 7);
    expect(stale).toMatchObject([{ tag: "dropped", reason: "stale generation" }]);
  });

  it("gives a late joiner lanes at the next step", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.joins("b");
    expect(core.assigned).toEqual({ a: [0, 1, 2, 3] });
    core.completesStep();
    expect(core.assigned).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it("waits for a worker when all are gone, and goes on with the same step", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.on({ tag: "left", worker: "a", reason: "killed" });
    expect(core.assigned).toEqual({});
    core.joins("b");
    expect(core.assigned).toEqual({ b: [0, 1, 2, 3] });
  });

  it("cuts off a worker that is silent for 5 s, and one that holds a lane past the step deadline", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    core.passes(4_000);
    core.says("b", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    const effects = core.passes(1_500);
    expect(effects).toContainEqual({ tag: "disconnect", worker: "a", reason: "silent for 5.5 s" });
    for (let s = 0; s < 70; s += 1) {
      core.passes(1_000);
      if (core.state.workers.has("b"))
        core.says("b", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    }
    expect(core.effects).toContainEqual(
      expect.objectContaining({ tag: "disconnect", worker: "b", reason: expect.stringContaining("lane") }),
    );
  });
});

describe("values that are not finite", () => {
  it("are computed once more, elsewhere; finite there, the step goes on", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    const effects = core.record("a", 0, { finite: false });
    expect(sent(effects, "gradients")).toMatchObject([{ worker: "b", body: { lanes: [0] } }]);
    core.record("b", 0);
    core.completesStep();
    expect(core.state.progress.step).toBe(1);
    expect(core.state.progress.optimizer.count).toBe(1);
  });

  it("twice: the step is skipped, Adam and statistics stay, the samples are entered as skipped", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    core.record("a", 0, { finite: false });
    const effects = core.record("b", 0, { finite: false });
    expect(has(effects, "skip")).toBe(true);
    core.committed();
    expect(core.state.progress).toMatchObject({
      step: 1,
      optimizer: { count: 0 },
      ledger: { skipped: 8, committed: 0 },
    });
  });

  it("five steps in a row: the run fails", () => {
    const core = new CoreDriver(tinySpec({ epochs: 9 }));
    core.begins("a");
    core.completesStep();
    for (let step = 0; step < 5; step += 1) {
      core.record("a", 0, { finite: false });
      core.record("a", 0, { finite: false });
      core.committed();
      if (core.state.phase.tag === "evaluating") {
        core.says("a", {
          kind: "blockResult",
          step: core.state.progress.step,
          block: 0,
          lossSum: 1,
          predicted: [0, 0, 0],
        });
      }
    }
    const { phase } = core.state;
    if (phase.tag !== "saving") throw new Error(`the good weights are not saved but ${phase.tag}`);
    core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: {
        tag: "failed",
        reason: expect.stringContaining(`last good checkpoint is ${phase.checkpoint}`),
      },
    });
  });

  it("one step, where the policy is to halt: the run fails", () => {
    const core = new CoreDriver(tinySpec({ nonFinite: { policy: "halt", inARow: 5 } }));
    core.begins("a", "b");
    core.completesStep();
    core.record("a", 0, { finite: false });
    core.record("b", 0, { finite: false });
    core.committed();
    core.on({ tag: "checkpointWritten", checkpoint: "1-2" });
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: expect.stringMatching(/step 1 was .* last good checkpoint is 1-2$/) },
    });
  });

  it("finite lanes whose sum overflows are skipped at once", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.sliceWhole(Number.POSITIVE_INFINITY);
    for (const lane of [0, 1, 2, 3]) core.record("a", lane);
    expect(core.effects.some((effect) => effect.tag === "skip")).toBe(true);
  });
});

describe("an epoch", () => {
  it("has every sample exactly once, the last step with fewer, absent lanes left out", () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 22);
    core.begins("a");
    const samples: number[] = [];
    while (core.state.phase.tag === "training") {
      for (const effect of core.completesStep())
        if (effect.tag === "stepCommitted") samples.push(effect.row.samples);
    }
    expect(samples).toEqual([8, 8, 6]);
  });

  it("reports the loss per sample, not the mean of step means", () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 22);
    core.begins("a");
    while (core.state.phase.tag === "training") core.completesStep();
    core.says("a", { kind: "blockResult", step: 3, block: 0, lossSum: 1.5, predicted: [0, 1, 0] });
    // Lane l reports l + 1; lanes of 5, 6, 5, 6 samples at 2 a step are in 3 steps each.
    expect(core.state.results.lastEpoch?.loss).toBeCloseTo((3 * (1 + 2 + 3 + 4)) / 22, 12);
    expect(core.state.results.lastEpoch).toMatchObject({ validationLoss: 0.5, validationAccuracy: 2 / 3 });
  });

  it("evaluates every validation sample once, whichever worker is lost meanwhile", () => {
    const labels = Array.from({ length: 200 }, (_, i) => i % 2);
    const core = new CoreDriver(tinySpec({ epochs: 1, lanes: 1, batchSize: 8 }), 8, labels);
    core.begins("a", "b");
    core.completesStep();
    core.on({ tag: "left", worker: "a", reason: "killed" });
    for (let block = 0; block < 4; block += 1) {
      const predicted = labels
        .slice(block * 64, block * 64 + 64)
        .map((label, i) => (block + i === 0 ? 1 - label : label));
      core.says("b", { kind: "blockResult", step: 1, block, lossSum: 0, predicted });
    }
    expect(core.state.results.lastEpoch?.validationAccuracy).toBe(199 / 200);
    expect(core.state.results.evaluation?.confusion).toEqual([
      [99, 1],
      [0, 100],
    ]);
  });

  it.each([1, 2, 4, 22])(
    "counts 21 validation images, one of them right, as 1 of 21 with %i workers",
    (count) => {
      const labels = Array.from({ length: 21 }, () => 0);
      const core = new CoreDriver(tinySpec({ epochs: 1, lanes: 1, batchSize: 8 }), 8, labels);
      core.begins(...Array.from({ length: count }, (_, index) => `worker-${index}`));
      core.completesStep();
      const predicted = labels.map((_, index) => (index === 20 ? 0 : 1));
      for (const { worker } of sent(core.effects, "evaluate")) {
        core.says(worker, { kind: "blockResult", step: 1, block: 0, lossSum: 21, predicted });
      }
      expect(core.state.results.evaluation).toMatchObject({
        accuracy: 1 / 21,
        loss: 1,
        confusion: [
          [1, 20],
          [0, 0],
        ],
      });
    },
  );

  it("ends early after --patience epochs without a lower loss, and exports the best weights", () => {
    const core = new CoreDriver(
      tinySpec({ epochs: 9, lanes: 1, earlyStopping: { patience: 2, minDelta: 0 }, exportWeights: "best" }),
      8,
    );
    core.begins("a");
    for (const loss of [3, 2, 4, 5]) {
      core.completesStep();
      const { step } = core.state.progress;
      core.says("a", { kind: "blockResult", step, block: 0, lossSum: loss, predicted: [0, 1, 1] });
      core.on({ tag: "checkpointWritten", checkpoint: `1-${step}` });
    }
    expect(core.state.phase).toMatchObject({ tag: "exporting", checkpoint: "1-2" });
    core.says("a", { kind: "exported", checkpoint: "1-2", paths: ["x"] });
    core.on({ tag: "published" });
    expect(core.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "finished" } });
  });

  it("lowers the learning rate on a plateau before the next step", () => {
    const plateau = { factor: 0.5, patience: 1, minDelta: 0, minLearningRate: 0 };
    const core = new CoreDriver(tinySpec({ epochs: 9, lanes: 1, plateau }), 8);
    core.begins("a");
    for (const loss of [2, 2]) {
      core.completesStep();
      const { step } = core.state.progress;
      core.says("a", { kind: "blockResult", step, block: 0, lossSum: loss, predicted: [0, 1, 1] });
      core.on({ tag: "checkpointWritten", checkpoint: `1-${step}` });
    }
    expect(core.state.progress.optimizer.learningRate).toBe(5e-4);
  });
});

describe("membership", () => {
  it("refuses another protocol, another version and another machine, each with both sides named", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    const refusals = [
      core.hello("b", { protocol: 99 }),
      core.hello("c", { version: "0.2.0" }),
      core.hello("d", { device: "another cpu" }),
    ].map((effects) => sent(effects, "refused")[0]?.body);
    expect(refusals).toMatchObject([
      { message: expect.stringMatching(new RegExp(`protocol 99 .* ${protocolVersion} `)) },
      { message: expect.stringContaining("0.2.0, the coordinator 0.1.0") },
      { message: expect.stringMatching(/another cpu.*test cpu.*--allow-mixed/) },
    ]);
    expect([...core.state.workers.keys()]).toEqual(["a"]);
  });

  it("takes another patch version, and another machine with --allow-mixed", () => {
    const core = new CoreDriver(tinySpec({ allowMixed: true }));
    core.begins("a");
    expect(has(core.hello("b", { version: "0.1.9" }), "welcome")).toBe(true);
    expect(has(core.hello("c", { device: "another cpu" }), "welcome")).toBe(true);
    const ready = core.says("c", { kind: "ready", layoutJson: JSON.stringify(tinyLayout) });
    const message =
      'worker c is another kind of machine (--allow-mixed): device is "another cpu", the run\'s is "test cpu"';
    expect(ready).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringContaining(message) }),
    );
    expect(core.state.membership.fingerprints).toHaveLength(2);
  });

  it("has checkpoint 0 built by another worker when the first is lost", () => {
    const core = new CoreDriver(tinySpec());
    core.joins("a");
    core.joins("b");
    expect(sent(core.on({ tag: "slicesUp", count: 1 }), "initialise")).toMatchObject([{ worker: "a" }]);
    expect(sent(core.on({ tag: "left", worker: "a", reason: "killed" }), "initialise")).toMatchObject([
      { worker: "b" },
    ]);
  });

  it("gives no gradient out before checkpoint 0 is written", () => {
    const core = new CoreDriver(tinySpec());
    core.joins("a");
    core.on({ tag: "slicesUp", count: 1 });
    const loaded = core.on({ tag: "sliceLoaded", slice: 0 });
    expect(has(loaded, "checkpoint")).toBe(true);
    expect(sent(core.effects, "gradients")).toHaveLength(0);
    expect(sent(core.on({ tag: "checkpointWritten", checkpoint: "1-0" }), "gradients")).toHaveLength(1);
  });

  it("tells a worker that comes after the end that the run is over", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.on({ tag: "stop", reason: "asked" });
    core.on({ tag: "checkpointWritten", checkpoint: "1-0" });
    const effects = core.hello("late");
    expect(sent(effects, "finished")).toMatchObject([{ worker: "late", body: { outcome: "stopped" } }]);
  });

  it("fails after the same assignment failed three times without a commit between", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    for (let i = 0; i < 3; i += 1) {
      core.says("a", {
        kind: "assignmentFailed",
        assignment: "gradients",
        code: "DAMAGED",
        message: "shard 3 is cut",
      });
      if (i < 2) core.joins("a");
    }
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: expect.stringContaining("shard 3 is cut") },
    });
  });
});

describe("a learning rate schedule", () => {
  it("cosine starts at the rate, is half of it in the middle, and would be 0 after the last step", () => {
    const optimizer = {
      name: "adam",
      learningRate: 0.5,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      schedule: "cosine",
      clipNorm: null,
    } as const;
    const core = new CoreDriver(tinySpec({ epochs: 1, optimizer, batchSize: 4, lanes: 2 }), 16);
    core.begins("a");
    while (core.state.phase.tag === "training") core.completesStep();
    const rates = core.effects.flatMap((effect) =>
      effect.tag === "stepCommitted" ? [effect.row.learningRate] : [],
    );
    expect(rates).toEqual([
      0.5,
      0.5 * 0.5 * (1 + Math.SQRT1_2),
      expect.closeTo(0.25, 12),
      expect.closeTo(0.0732, 4),
    ]);
  });
});
