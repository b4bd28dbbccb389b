/** Waits as data: what a run waits for, from whom, until when, and what happens then. */
import { describe, expect, it } from "vitest";
import { waitsOf } from "../../coordinator/core/liveness/waits.js";
import { limits } from "../../shared/limits.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

const whats = (core: CoreDriver) => waitsOf(core.state).map(({ what, from }) => `${what} of ${from}`);

describe("a run waits for", () => {
  it("the next worker, as long as none is there", () => {
    const core = new CoreDriver(tinySpec());
    expect(waitsOf(core.state)).toEqual([
      {
        what: "the next worker",
        from: "workers",
        sinceMs: 0,
        until: limits.noWorkersMs,
        consequence: "fail the run",
      },
    ]);
    core.state = { ...core.state, run: { ...core.state.run, waitsForWorkers: true } };
    expect(waitsOf(core.state)).toMatchObject([
      { until: "no worker", consequence: "log that the run waits on" },
    ]);
  });

  it("the heartbeat and the preparation of a worker that has joined, and cuts it off without them", () => {
    const core = new CoreDriver(tinySpec());
    core.hello("a");
    expect(waitsOf(core.state)).toMatchObject([
      {
        what: "heartbeat",
        from: "a",
        until: limits.lostAfterMs,
        consequence: "cut the worker off",
      },
      { what: "preparation", from: "a", until: limits.prepareMs, consequence: "cut the worker off" },
      { what: "preparation", from: "a", until: limits.prepareLateMs, consequence: "log it as late" },
    ]);
    core.passes(limits.lostAfterMs);
    expect(core.state.workers.has("a")).toBe(true);
    core.passes(100);
    expect(core.state.workers.has("a")).toBe(false);
  });

  it("the shares of a step, then its reducers", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    expect(whats(core)).toEqual(["heartbeat of a", "share of a", "the next checkpoint of the run"]);
    for (const lane of [0, 1, 2, 3]) core.record("a", lane);
    core.settles("a");
    expect(whats(core)).toEqual([
      "heartbeat of a",
      "slices of reducers",
      "slices of reducers",
      "the next checkpoint of the run",
    ]);
  });

  it("nothing once it has ended", () => {
    const core = new CoreDriver(tinySpec());
    core.on({ tag: "stop", reason: "enough" });
    expect(waitsOf(core.state)).toEqual([]);
  });
});

/** Brings a run to a phase, from which its workers answer nothing any more. */
const standstills: Readonly<Record<string, () => CoreDriver>> = {
  "prepare their engines": () => {
    const core = new CoreDriver(tinySpec());
    core.hello("a");
    return core;
  },
  "build the initial weights": () => {
    const core = new CoreDriver(tinySpec());
    core.joins("a");
    core.on({ tag: "slicesUp", count: 1 });
    return core;
  },
  "compute lanes": () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    return core;
  },
  "compute lanes and audits": () => {
    const core = new CoreDriver(tinySpec({ audit: 1 }), 80);
    core.begins("a", "b", "c");
    return core;
  },
  "predict evaluation blocks": () => {
    const core = new CoreDriver(tinySpec(), 8);
    core.begins("a", "b");
    core.completesStep();
    expect(core.state.phase.tag).toBe("evaluating");
    return core;
  },
  "write the export": () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, []);
    core.begins("a");
    core.completesStep();
    core.on({ tag: "checkpointWritten", checkpoint: "1-1" });
    expect(core.state.phase.tag).toBe("exporting");
    return core;
  },
  "wait for a checkpoint of which the shell says nothing": () => {
    const core = new CoreDriver(tinySpec({ epochs: 1 }), 8, []);
    core.begins("a");
    core.completesStep();
    expect(core.state.phase.tag).toBe("saving");
    return core;
  },
  "wait for a result of which the shell says nothing": () => {
    const core = standstills["write the export"]?.() as CoreDriver;
    core.says("a", { kind: "exported", checkpoint: "1-1", paths: [] });
    expect(core.state.phase.tag).toBe("publishing");
    return core;
  },
};

describe("workers that send heartbeats, come back when they are cut off, and never answer", () => {
  it.each(Object.entries(standstills))("end the run by name when they %s", (what, begin) => {
    const core = begin();
    const ids = [...core.state.workers.keys()];
    const isPreparing = what === "prepare their engines";
    for (let second = 0; second < 48 * 3_600 && core.state.phase.tag !== "ended"; second += 1) {
      for (const id of ids) {
        if (core.state.workers.has(id)) {
          core.says(id, { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
        } else if (isPreparing) {
          core.hello(id);
        } else {
          core.joins(id);
        }
      }
      core.passes(1_000);
    }
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: {
        tag: "failed",
        reason: expect.stringMatching(/cut off|not done|could not be written|no answer/),
      },
    });
  });
});
