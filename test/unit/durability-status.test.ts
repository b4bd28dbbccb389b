/** What a run's status, its progress and its last line say of work that is kept, at risk or lost. */
import { describe, expect, it } from "vitest";
import { keptInWords, riskInWords } from "../../cli/durability.js";
import { Progress, progressLine } from "../../cli/progress.js";
import { statusOf } from "../../coordinator/status.js";
import { limits } from "../../shared/limits.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

const status = (core: CoreDriver) => statusOf(core.state, null);

/** Two steps are committed, and every checkpoint up to the first step is written. */
function trained(): CoreDriver {
  const spec = tinySpec({ checkpoint: { keep: 2, everySteps: 1, everySeconds: null } });
  const core = new CoreDriver(spec, 80, []);
  core.begins("a");
  core.completesStep();
  core.on({ tag: "checkpointWritten", checkpoint: "1-1" });
  core.completesStep();
  return core;
}

const fails = (core: CoreDriver, checkpoint: string) =>
  core.on({ tag: "checkpointFailed", checkpoint, message: "the disk is full", isOutage: true });

/** The run is at its last checkpoint. */
function atTheEnd(): CoreDriver {
  const core = new CoreDriver(tinySpec({ epochs: 1 }));
  core.begins("a");
  for (;;) {
    const { phase, progress } = core.state;
    if (phase.tag === "saving" && phase.goal.tag === "export") return core;
    if (phase.tag === "training") core.completesStep();
    else if (phase.tag === "saving") core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
    else if (phase.tag === "evaluating") {
      const { step } = progress;
      core.says("a", { kind: "blockResult", step, block: 0, lossSum: 9, predicted: [0, 1, 0] });
    } else throw new Error(`not to be met here: ${phase.tag}`);
  }
}

/** The next attempt at the store has begun; the worker is heard of meanwhile. */
function waitForRetry(core: CoreDriver): void {
  for (let passed = 0; passed <= limits.storeRetryMs; passed += 1_000) {
    core.says("a", { kind: "heartbeat", phase: "idle", share: 0, done: 0 });
    core.passes(1_000);
  }
}

describe("the status of a run", () => {
  it("names the newest whole checkpoint, and nothing at risk while checkpoints are written", () => {
    const core = trained();
    expect(status(core).kept).toEqual({ checkpoint: "1-1", step: 1 });
    expect(status(core).atRisk).toBeUndefined();
  });

  it("says what is only in memory as soon as a checkpoint fails, until one is written", () => {
    const core = trained();
    core.passes(3_000);
    fails(core, "1-2");
    const { atRisk } = status(core);
    expect(atRisk).toMatchObject({ reason: "the disk is full", steps: 1 });
    expect(atRisk?.seconds).toBeGreaterThanOrEqual(3);
    core.completesStep();
    expect(status(core).atRisk).toMatchObject({ steps: 2 });
    core.on({ tag: "checkpointWritten", checkpoint: "1-3" });
    expect(status(core)).toMatchObject({ kept: { checkpoint: "1-3", step: 3 } });
    expect(status(core).atRisk).toBeUndefined();
  });

  it("names the store, the reason and the time that is left while the last checkpoint, the export or the result is not taken", () => {
    const core = atTheEnd();
    const { phase } = core.state;
    if (phase.tag !== "saving") throw new Error(phase.tag);
    const { checkpoint } = phase;
    fails(core, checkpoint);
    core.passes(1_000);
    const left = (message: string | undefined) => /for (\d+)m (\d+)s more$/.exec(message ?? "");
    expect(status(core).message).toMatch(
      /^the store does not take checkpoint 1-\d+: the disk is full; trying again/,
    );
    expect(Number(left(status(core).message)?.[1])).toBeLessThan(limits.storeOutageMs / 60_000);

    waitForRetry(core);
    core.on({ tag: "checkpointWritten", checkpoint });
    core.says("a", { kind: "assignmentFailed", assignment: "export", code: "STORE_FULL", message: "full" });
    expect(status(core).message).toMatch(/^the store does not take the export: full; trying again, for /);

    waitForRetry(core);
    const { phase: exporting } = core.state;
    if (exporting.tag !== "exporting") throw new Error(exporting.tag);
    core.says("a", { kind: "exported", checkpoint: exporting.checkpoint, paths: [] });
    core.on({ tag: "publishingDelayed", message: "no space" });
    expect(status(core).message).toMatch(/^the store does not take the result: no space; trying again, for /);
  });
});

describe("the progress of a run", () => {
  it("says at once, once, that checkpoints fail, and once that they are written again", () => {
    const written: string[] = [];
    const progress = new Progress({ write: (text) => written.push(text) });
    const core = trained();
    progress.show(status(core), 0);
    fails(core, "1-2");
    progress.show(status(core), 100);
    progress.show(status(core), 200);
    core.completesStep();
    core.on({ tag: "checkpointWritten", checkpoint: "1-3" });
    progress.show(status(core), 300);
    const said = written.filter((line) => line.includes("checkpoints"));
    expect(said).toEqual([
      expect.stringMatching(
        /^warning: checkpoints can't be written: 1 step, .* of work, is only in memory \(the disk is full\)\n$/,
      ),
      "checkpoints are written again\n",
    ]);
  });

  it("marks the line while work is at risk", () => {
    const core = trained();
    expect(progressLine(status(core))).not.toContain("NOT SAVED");
    fails(core, "1-2");
    expect(progressLine(status(core))).toContain("NOT SAVED: 1 step");
  });
});

describe("the last line of a run that did not finish", () => {
  it("says what is kept, what is lost, and the command that goes on", () => {
    const run = { run: "faces-1", epochs: 4, steps: 40 };
    expect(keptInWords({ ...run, kept: { checkpoint: "1-20", step: 20 } })).toBe(
      "checkpoint 1-20, step 20 of 40, in epoch 3 of 4; go on: trainyard train --resume faces-1",
    );
    const atRisk = { reason: "full", steps: 3, seconds: 61 };
    expect(keptInWords({ ...run, kept: { checkpoint: "1-40", step: 40 }, atRisk })).toBe(
      "checkpoint 1-40, step 40 of 40, in epoch 4 of 4; 3 steps, 1m 01s of work, are lost; go on: trainyard train --resume faces-1",
    );
    expect(keptInWords(run)).toBe("nothing: no checkpoint was written");
    expect(riskInWords({})).toBeNull();
  });
});
