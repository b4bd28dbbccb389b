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
