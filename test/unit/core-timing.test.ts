/** Where the time of usual steps goes: only steps that say something of the next one are kept, and a bounded number. */
import { describe, expect, it } from "vitest";
import { resultOf } from "../../coordinator/result.js";
import { RunResult } from "../../shared/result.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

/** A step of `ms` to its last lane, and 10 more to its commit. */
function step(core: CoreDriver, ms = 500) {
  core.passes(ms);
  for (const [worker, lanes] of Object.entries(core.assigned)) {
    for (const lane of lanes) core.record(worker, lane);
    core.settles(worker);
  }
  core.sliceWhole();
  core.passes(10);
  core.committed();
}

const outcome = { tag: "finished", reason: "test" } as const;

describe("a usual step", () => {
  it("is timed: its workers' lanes, the wait for them, the update", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b", "c");
    step(core);
    // Worker a has two of four lanes, 0.1 s each.
    expect(core.state.measured.timings).toEqual([
      { stepMs: 510, gatherMs: 500, commitMs: 10, laneMs: 100, computeMs: 200, workers: 3 },
    ]);
  });

  it("is not one that was skipped, begun again, or had lanes without all their samples", () => {
    const skipped = new CoreDriver(tinySpec());
    skipped.begins("a");
    for (const lane of [0, 1, 2, 3]) skipped.record("a", lane);
    skipped.sliceWhole(Number.POSITIVE_INFINITY);
    skipped.committed();
    expect(skipped.state.progress.step).toBe(1);
    expect(skipped.state.measured.timings).toEqual([]);
    // 22 samples in lanes of 5 or 6, two a step: the third step is not full.
    const short = new CoreDriver(tinySpec());
    short.begins("a");
    for (const _ of [0, 1, 2]) step(short);
    expect(short.state.progress.epoch + short.state.progress.stepInEpoch).toBeGreaterThan(0);
    expect(short.state.measured.timings.length).toBe(2);
  });
});

describe("the result", () => {
  it("has medians and ranges of them, in seconds, and the reducers' share of a step", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    step(core, 500);
    step(core, 700);
    const result = RunResult.parse(
      resultOf(core.state, { outcome, exported: null, checkpoint: undefined, reducersBusySeconds: 0.5 }),
    );
    expect(result.timing).toEqual({
      steps: 2,
      stepSeconds: { min: 0.51, median: 0.51, max: 0.71 },
      laneSeconds: { min: 0.1, median: 0.1, max: 0.1 },
      computeSeconds: { min: 0.4, median: 0.4, max: 0.4 },
      commitSeconds: { min: 0.01, median: 0.01, max: 0.01 },
      workers: 1,
      reducers: 1,
      reducerSeconds: 0.25,
    });
  });

  it("has none where no step was usual", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    expect(
      resultOf(core.state, { outcome, exported: null, checkpoint: undefined, reducersBusySeconds: 0 }).timing,
    ).toBeNull();
  });
});
