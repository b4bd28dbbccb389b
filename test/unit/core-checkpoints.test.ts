/** When a checkpoint is asked for, and that training does not wait for it. */
import { describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/spec.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

const started = (checkpoint: Partial<RunSpec["checkpoint"]>) => {
  const usual = { keep: 2, everySteps: null, everySeconds: null };
  const core = new CoreDriver(tinySpec({ checkpoint: { ...usual, ...checkpoint } }), 80, []);
  core.begins("a");
  return core;
};

const savedBy = (core: CoreDriver) =>
  core.effects.flatMap((effect) => (effect.tag === "checkpoint" ? [effect.checkpoint] : []));

const written = (core: CoreDriver, checkpoint: string) => core.on({ tag: "checkpointWritten", checkpoint });

/** Writes the checkpoints that were asked for and are not there yet. */
function writesAll(core: CoreDriver): void {
  for (const checkpoint of savedBy(core).slice(-core.state.checkpoints.pending || Number.POSITIVE_INFINITY)) {
    written(core, checkpoint);
  }
}

describe("within an epoch of ten steps a checkpoint is written", () => {
  it("every so many steps, counted from the last one", () => {
    const core = started({ everySteps: 3 });
    for (let step = 0; step < 8; step += 1) {
      core.completesStep();
      writesAll(core);
    }
    expect([...new Set(savedBy(core))]).toEqual(["1-0", "1-3", "1-6"]);
  });

  it("so many seconds after the last one, at the next commit", () => {
    const core = started({ everySeconds: 60 });
    for (let step = 0; step < 8; step += 1) {
      for (let second = 0; second < 25; second += 5) {
        core.says("a", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
        core.passes(5_000);
      }
      core.completesStep();
      writesAll(core);
    }
    expect([...new Set(savedBy(core))]).toEqual(["1-0", "1-3", "1-6"]);
  });

  it("neither by steps nor by time where both are off", () => {
    const core = started({});
    for (let step = 0; step < 8; step += 1) {
      core.says("a", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
      core.passes(4_000);
      core.completesStep();
    }
    expect(savedBy(core)).toEqual(["1-0"]);
  });
});

it("training goes on while one is written, and none is begun before it is there", () => {
  const core = started({ everySteps: 1 });
  core.completesStep();
  expect(savedBy(core)).toEqual(["1-0", "1-1"]);
  core.completesStep();
  core.completesStep();
  expect(core.state.progress.step).toBe(3);
  expect(savedBy(core)).toEqual(["1-0", "1-1"]);
  written(core, "1-1");
  core.completesStep();
  expect(savedBy(core)).toEqual(["1-0", "1-1", "1-4"]);
});

it("the next epoch begins while the last one's is written; a third one is waited for", () => {
  const core = started({ everySteps: 8 });
  for (let step = 0; step < 10; step += 1) core.completesStep();
  expect(savedBy(core)).toEqual(["1-0", "1-8", "1-10"]);
  expect(core.state).toMatchObject({ phase: { tag: "training" }, progress: { epoch: 1, step: 10 } });
  const long = new CoreDriver(
    tinySpec({ epochs: 3, checkpoint: { keep: 2, everySteps: 8, everySeconds: null } }),
    80,
    [],
  );
  long.begins("a");
  for (let step = 0; step < 20; step += 1) long.completesStep();
  expect(long.state).toMatchObject({
    checkpoints: { pending: 3 },
    phase: { tag: "saving", goal: { tag: "train" } },
  });
  for (const checkpoint of ["1-8", "1-10", "1-20"]) written(long, checkpoint);
  expect(long.state).toMatchObject({ phase: { tag: "training" }, progress: { epoch: 2, step: 20 } });
});

it("one that can't be written costs nothing but itself", () => {
  const core = started({ everySteps: 2 });
  core.completesStep();
  core.completesStep();
  core.on({ tag: "checkpointFailed", checkpoint: "1-2", message: "the store is away", isOutage: true });
  core.completesStep();
  core.completesStep();
  expect(savedBy(core)).toEqual(["1-0", "1-2", "1-4"]);
  expect(core.state.progress.step).toBe(4);
});
