/**
 * What a worker says that lies, is broken, or was taken over, and that holds a place in the run: it may spoil its own
 * work, but can't end the run, stop it, make it remember without end, or speak for work that is not its own.
 */
import { describe, expect, it } from "vitest";
import type { Effect } from "../../coordinator/core/events.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import type { ModelLayout } from "../../shared/layout.js";
import { limits } from "../../shared/limits.js";
import { CoreDriver, has, sent, tinyLayout, tinySpec } from "../support/core-driver.js";

const dropped = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.tag === "dropped" ? [effect.reason] : []));
const fails = (core: CoreDriver, worker: string, assignment = "gradients") =>
  core.says(worker, { kind: "assignmentFailed", assignment, code: "ENGINE", message: "broken" });

describe("a layout", () => {
  const claims: [what: string, change: Partial<ModelLayout>][] = [
    ["more parameters than any machine has", { parameterCount: 1e15 }],
    ["more parameters than its tensors have", { parameterCount: 3_000_000 }],
    ["no parameters", { parameterCount: 0, parameters: [] }],
    [
      "a tensor that does not follow the one before",
      { parameters: [{ name: "w", shape: [2], offset: 1, size: 2 }] },
    ],
    ["a size that is not its shape's", { parameters: [{ name: "w", shape: [3], offset: 0, size: 2 }] }],
    ["statistics that nobody could send", { statisticsCount: 2 ** 40 }],
    ["statistics beside its layers'", { statisticsCount: 4 }],
    ["names that are no names", { parameters: [{ name: "w\n", shape: [2], offset: 0, size: 2 }] }],
  ];
  it.each(claims)("that claims %s is refused, and no slice is started for it", (_, change) => {
    const core = new CoreDriver(tinySpec());
    core.hello("a");
    const effects = core.says("a", {
      kind: "ready",
      layoutJson: JSON.stringify({ ...tinyLayout, ...change }),
    });
    expect(sent(effects, "refused")).toHaveLength(1);
    expect(has(effects, "startSlices")).toBe(false);
    expect(core.state).toMatchObject({ model: { layout: null, slices: { tag: "none" } } });
  });

  it("that is no JSON is refused, however deep or long", () => {
    const core = new CoreDriver(tinySpec());
    for (const layoutJson of [
      "",
      "null",
      "[".repeat(1_000_000),
      `{"parameters":[${"{},".repeat(100_000)}{}]}`,
    ]) {
      core.hello("a");
      expect(sent(core.says("a", { kind: "ready", layoutJson }), "refused")).toHaveLength(1);
    }
  });
});

describe("a record", () => {
  it("of a lane that the worker does not hold is dropped: nobody would upload its gradient", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    expect(core.assigned).toEqual({ a: [0, 1], b: [2, 3] });
    expect(dropped(core.record("b", 0))).toEqual(["not asked"]);
    core.joins("late");
    expect(dropped(core.record("late", 0))).toEqual(["not asked"]);
    expect(core.assigned).toEqual({ a: [0, 1], b: [2, 3] });
  });

  it("with more correct than there are samples is dropped", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    const { phase } = core.state;
    const samples = phase.tag === "training" ? (phase.samples[0] ?? 0) : 0;
    const record = { step: 0, lane: 0, samples, finite: true, lossSum: 1, computeSeconds: 1, attempt: 0 };
    const statistics = new Uint8Array(16);
    const said = core.says("a", { kind: "laneRecord", ...record, correct: samples + 1, statistics });
    expect(dropped(said)).toEqual(["wrong sample count"]);
  });

  it("with a loss or statistics that no float32 arithmetic has counts as not finite: no sum overflows", () => {
    for (const [lossSum, statistic] of [
      [1e300, 1],
      [Number.NaN, 1],
      [1, 1e300],
      [1, Number.NaN],
    ] as const) {
      const core = new CoreDriver(tinySpec());
      core.begins("a", "b");
      const record = {
        step: 0,
        lane: 0,
        samples: 2,
        finite: true,
        correct: 0,
        computeSeconds: 1,
        attempt: 0,
      };
      const statistics = new Uint8Array(Float64Array.of(0, statistic).buffer);
      core.says("a", { kind: "laneRecord", ...record, lossSum, statistics });
      expect(core.assigned).toEqual({ a: [1], b: [0, 2, 3] });
    }
  });
});

describe("a record without a gradient", () => {
  it("is found out when the slices are not whole: the lane is another's, the liar is sent away, the step goes on", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("honest", "liar");
    for (const lane of [0, 1]) core.record("honest", lane);
    for (const lane of [2, 3]) core.record("liar", lane);
    const beat = () => {
      for (const id of ["honest", "liar"])
        core.says(id, { kind: "heartbeat", phase: "idle", share: 0, done: 0 });
    };
    beat();
    const late = core.passes(limits.reduceLateMs + 100);
    expect(late).toContainEqual({ tag: "findMissingLanes", step: 0, attempt: 0 });
    const effects = core.on({ tag: "sliceLacks", slice: 0, step: 0, attempt: 0, lanes: [2, 3] });
    expect(sent(effects, "drain")).toMatchObject([{ worker: "liar" }]);
    expect(core.assigned).toEqual({ honest: [2, 3] });
    core.completesStep();
    expect(core.state).toMatchObject({
      progress: { step: 1, ledger: { committed: 8 } },
      membership: { banned: ["liar"] },
    });
  });

  it("of the only worker is computed by it again, for as long as it takes", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("only");
    for (let time = 0; time < 20; time += 1) {
      for (const lane of [0, 1, 2, 3]) core.record("only", lane);
      core.settles("only");
      core.says("only", { kind: "heartbeat", phase: "idle", share: 0, done: 0 });
      expect(core.passes(limits.reduceLateMs + 100)).toContainEqual({
        tag: "findMissingLanes",
        step: 0,
        attempt: 0,
      });
      core.on({ tag: "sliceLacks", slice: 0, step: 0, attempt: 0, lanes: [0, 1, 2, 3] });
      expect(core.assigned).toEqual({ only: [0, 1, 2, 3] });
    }
    core.completesStep();
    expect(core.state.progress.step).toBe(1);
  });

  it("is not doubted where the slice's answer is of another step or attempt", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    core.record("a", 0);
    core.on({ tag: "sliceLacks", slice: 0, step: 0, attempt: 1, lanes: [0] });
    core.on({ tag: "sliceLacks", slice: 0, step: 3, attempt: 0, lanes: [0] });
    expect(core.assigned).toEqual({ a: [1, 2, 3] });
  });
});

describe("a failure", () => {
  it("of one worker, as often as it likes, ends no run in which another one works", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    for (let time = 0; time < 20; time += 1) {
      fails(core, "b");
      core.joins("b");
      fails(core, "b", "prepare");
      core.joins("b");
    }
    expect(core.state.phase.tag).toBe("training");
    core.on({ tag: "left", worker: "b", reason: "test" });
    core.completesStep();
    expect(core.state).toMatchObject({ progress: { step: 1 }, membership: { failures: [] } });
  });

  it("of everybody ends it, and names the last", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    fails(core, "b");
    core.joins("b");
    fails(core, "b");
    core.joins("b");
    expect(core.state.phase.tag).toBe("training");
    fails(core, "a");
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: expect.stringContaining("at last on a: broken") },
    });
  });
});

describe("an export", () => {
  it("is done when the worker that was asked says so, and nobody else", () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, []);
    core.begins("a", "b");
    core.completesStep();
    const { phase } = core.state;
    if (phase.tag === "saving") core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
    const said: WorkerBody = { kind: "exported", checkpoint: "1-1", paths: ["x"] };
    expect(core.state.phase).toMatchObject({ tag: "exporting", worker: "a", checkpoint: "1-1" });
    expect(dropped(core.says("b", said))).toEqual(["misplaced"]);
    expect(has(core.says("a", said), "publish")).toBe(true);
  });
});

describe("damage", () => {
  it("that names a sample a thousand times is one sample", () => {
    const core = new CoreDriver(tinySpec({ maxExcluded: 0.1 }));
    core.begins("a");
    const samples = Array.from({ length: 1_000 }, () => 0);
    core.says("a", { kind: "damaged", step: 0, split: "train", samples, key: "k", reason: "r", attempt: 0 });
    expect(core.state.progress.exclusions).toMatchObject([{ sample: 0 }]);
    expect(core.state.phase.tag).toBe("training");
  });

  it("of validation samples that there are not is dropped", () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, [0, 1, 1]);
    core.begins("a");
    core.completesStep();
    expect(core.state.phase.tag).toBe("evaluating");
    const damaged = { step: 1, split: "validation", key: "k", reason: "r", attempt: 0 } as const;
    expect(dropped(core.says("a", { kind: "damaged", ...damaged, samples: [3, 60] }))).toEqual(["misplaced"]);
  });
});

describe("an evaluation block", () => {
  it("counts from who holds it, with a loss that there can be", () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, [0, 1, 1]);
    core.begins("a", "b");
    core.completesStep();
    const block = (worker: string, lossSum: number) =>
      core.says(worker, { kind: "blockResult", step: 1, block: 0, lossSum, predicted: [0, 0, 0] });
    expect(dropped(block("b", 1))).toEqual(["not asked"]);
    block("a", 1e300);
    expect(core.state.phase).toMatchObject({
      tag: "evaluating",
      blocks: [{ tag: "assigned", refusals: [{ worker: "a", why: "not finite" }] }],
    });
  });
});

describe("members", () => {
  it("are no more than find work: further ones are to come again, and those who are there stay", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("honest");
    for (let index = 0; index < limits.spares + 50; index += 1) core.hello(`flood-${index}`);
    expect(core.state.workers.size).toBe(limits.spares);
    expect(sent(core.hello("one-more"), "refused")).toMatchObject([{ body: { retry: true } }]);
    core.on({ tag: "left", worker: "flood-0", reason: "test" });
    expect(has(core.hello("one-more"), "welcome")).toBe(true);
    expect(core.state.workers.has("honest")).toBe(true);
  });

  it("of ever new kinds of machines are refused where mixed ones are allowed: each kind is kept for good", () => {
    const core = new CoreDriver(tinySpec({ allowMixed: true }));
    for (let kind = 0; kind < limits.machineKinds + 5; kind += 1) {
      core.hello("a", { device: `kind ${kind}` });
      core.says("a", { kind: "ready", layoutJson: JSON.stringify(tinyLayout) });
      core.on({ tag: "left", worker: "a", reason: "test" });
    }
    expect(core.state.membership.fingerprints).toHaveLength(limits.machineKinds);
    expect(has(core.hello("a", { device: "kind 0" }), "welcome")).toBe(true);
  });
});
