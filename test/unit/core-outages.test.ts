/** The core through a store that is away at a run's end, and a run whose epochs or patience changed when it went on. */
import { describe, expect, it } from "vitest";
import type { Effect } from "../../coordinator/core/events.js";
import type { Restored } from "../../coordinator/core/state.js";
import { limits } from "../../shared/limits.js";
import type { RunSpec } from "../../shared/spec.js";
import { CoreDriver, goOn, has, sent, tinySpec } from "../support/core-driver.js";
import { lastSaved, restoredFrom } from "../support/core-restored.js";

const once = tinySpec({ epochs: 1 });

/** Time goes by as it does for a coordinator: in ticks, and the worker is heard of. */
function passes(core: CoreDriver, ms: number): Effect[] {
  const effects: Effect[] = [];
  for (let passed = 0; passed < ms; passed += 1_000) {
    core.says("a", { kind: "heartbeat", phase: "idle", share: 0, done: 0 });
    effects.push(...core.passes(1_000));
  }
  return effects;
}

/** Every step and the evaluation of its epochs are done; the last checkpoint is being written. */
function atLastCheckpoint(core: CoreDriver): string {
  for (;;) {
    const { phase, progress } = core.state;
    if (phase.tag === "saving" && phase.goal.tag === "export") return phase.checkpoint;
    if (phase.tag === "training") core.completesStep();
    else if (phase.tag === "evaluating") {
      core.says("a", {
        kind: "blockResult",
        step: progress.step,
        block: 0,
        lossSum: 9,
        predicted: [0, 1, 0],
      });
    } else if (phase.tag === "saving") core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
    else throw new Error(`not to be met here: ${phase.tag}`);
  }
}

function began(spec: RunSpec): CoreDriver {
  const core = new CoreDriver(spec);
  core.begins("a");
  return core;
}

const fails = (core: CoreDriver, checkpoint: string, isOutage: boolean) =>
  core.on({ tag: "checkpointFailed", checkpoint, message: "away", isOutage });

describe("the last checkpoint", () => {
  it("is tried again after a pause while the store is away, and the run goes on to its export", () => {
    const core = began(once);
    const checkpoint = atLastCheckpoint(core);
    for (let i = 0; i < 3; i += 1) {
      expect(has(fails(core, checkpoint, true), "log")).toBe(true);
      expect(has(passes(core, limits.storeRetryMs - 1_000), "checkpoint")).toBe(false);
      const again = passes(core, 2_000).filter((effect) => effect.tag === "checkpoint");
      expect(again).toMatchObject([{ checkpoint }]);
    }
    expect(sent(core.on({ tag: "checkpointWritten", checkpoint }), "export")).toHaveLength(1);
  });

  it("fails the run when patience is over, and at once when it is no outage", () => {
    const core = began(once);
    const checkpoint = atLastCheckpoint(core);
    passes(core, limits.storeOutageMs);
    fails(core, checkpoint, true);
    passes(core, 1_000);
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: expect.stringContaining("could not be written") },
    });

    const denied = began(once);
    fails(denied, atLastCheckpoint(denied), false);
    expect(denied.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "failed" } });
  });

  it("is written at once, and the run stops, when it is told to stop while it waits", () => {
    const core = began(once);
    const checkpoint = atLastCheckpoint(core);
    fails(core, checkpoint, true);
    const effects = core.on({ tag: "stop", reason: "asked" });
    expect(effects.filter((effect) => effect.tag === "checkpoint")).toMatchObject([{ checkpoint }]);
    core.on({ tag: "checkpointWritten", checkpoint });
    expect(core.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "stopped" } });
  });
});

describe("the export", () => {
  const exporting = () => {
    const core = began(once);
    core.on({ tag: "checkpointWritten", checkpoint: atLastCheckpoint(core) });
    return core;
  };
  const meets = (core: CoreDriver, code: string) =>
    core.says("a", { kind: "assignmentFailed", assignment: "export", code, message: "away" });

  it("goes to a worker again after a pause, however often the store is away, and nobody is sent off for it", () => {
    const core = exporting();
    for (let i = 0; i < 10; i += 1) {
      const effects = meets(core, "STORE_UNREACHABLE");
      expect(has(effects, "disconnect")).toBe(false);
      expect(sent(effects, "export")).toEqual([]);
      expect(sent(passes(core, limits.storeRetryMs + 1_000), "export")).toHaveLength(1);
    }
    const { phase } = core.state;
    if (phase.tag !== "exporting") throw new Error(phase.tag);
    core.says("a", { kind: "exported", checkpoint: phase.checkpoint, paths: [] });
    expect(core.state.phase.tag).toBe("publishing");
  });

  it("fails the run when patience is over, or when something else fails three times", () => {
    const core = exporting();
    for (let i = 0; i < limits.storeOutageMs / limits.storeRetryMs + 3; i += 1) {
      if (core.state.phase.tag === "ended") break;
      if (!core.state.workers.has("a")) core.joins("a");
      meets(core, "STORE_FULL");
      passes(core, limits.storeRetryMs);
    }
    expect(core.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "failed" } });

    const broken = exporting();
    for (let i = 0; i < 3; i += 1) {
      if (!broken.state.workers.has("a")) broken.joins("a");
      meets(broken, "ENGINE");
    }
    expect(broken.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "failed" } });
  });
});

describe("a checkpoint of a run that had ended", () => {
  /** As it comes back from the store. */
  function endOf(spec: RunSpec): Restored {
    const core = began(spec);
    atLastCheckpoint(core);
    return restoredFrom(lastSaved(core));
  }

  it("is exported with the same epochs, and trained on with more", () => {
    const restored = endOf(once);
    expect(restored.saved.endedBecause).not.toBeNull();
    expect(goOn(once, restored).state.phase.tag).toBe("exporting");
    const longer = goOn(tinySpec({ epochs: 2 }), restored);
    expect(longer.state).toMatchObject({
      ending: { endedBecause: null },
      phase: { tag: "training" },
      progress: { epoch: 1 },
    });
  });

  it("is exported when it has no more to do by now: fewer epochs, or less patience", () => {
    // The validation loss is the same in every epoch: it waits from the second on.
    const four = tinySpec({ epochs: 4, earlyStopping: { patience: 3, minDelta: 0 } });
    const restored = endOf(four);
    expect(restored.saved.progress.epoch).toBe(4);
    const unfinished = { ...restored, saved: { ...restored.saved, endedBecause: null } };
    expect(goOn(tinySpec({ epochs: 4 }), unfinished).state.phase.tag).toBe("exporting");
    const patient = { ...four, epochs: 9 };
    expect(goOn(patient, restored).state).toMatchObject({
      ending: { endedBecause: expect.stringMatching(/patience 3/) },
    });
    expect(goOn({ ...patient, earlyStopping: { patience: 5, minDelta: 0 } }, restored).state).toMatchObject({
      ending: { endedBecause: null },
      phase: { tag: "training" },
    });
  });
});

describe("a store that workers can't read", () => {
  const away = (core: CoreDriver) =>
    core.says("a", {
      kind: "assignmentFailed",
      assignment: "gradients",
      code: "STORE_UNREACHABLE",
      message: "nothing listens",
    });

  it("is waited for, however often they try, and counts as nobody's failure", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    for (let i = 0; i < 10; i += 1) {
      core.passes(30_000);
      core.joins("a");
      away(core);
    }
    core.joins("a");
    core.completesStep();
    expect(core.state).toMatchObject({
      progress: { step: 1 },
      membership: { storeAway: null, failures: [] },
    });
  });

  it("ends the run after ten minutes, by its words", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    for (let i = 0; i < 30 && core.state.phase.tag !== "ended"; i += 1) {
      away(core);
      core.passes(30_000);
      core.joins("a");
      core.passes(100);
    }
    expect(core.nowMs).toBeGreaterThan(600_000);
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: expect.stringContaining("nothing listens") },
    });
  });
});
