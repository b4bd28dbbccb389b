/** A coordinator that has to end while its run goes on later: the last commit is saved, and no worker is told of an end. */
import { describe, expect, it } from "vitest";
import { lastingWaitLogMs } from "../../shared/lasting-waits.js";
import { limits } from "../../shared/limits.js";
import { CoreDriver, has, sent, tinySpec } from "../support/core-driver.js";

const interrupt = { tag: "interrupt", reason: "interrupted by SIGTERM" } as const;
const stop = { tag: "stop", reason: "asked" } as const;
const interrupted = { tag: "ended", outcome: { tag: "interrupted", reason: interrupt.reason } };
const ended = (tag: string) => ({ tag: "ended", outcome: { tag } });

function training(): CoreDriver {
  const core = new CoreDriver(tinySpec());
  core.begins("a");
  core.completesStep();
  return core;
}

describe("an interrupted run", () => {
  it("saves its last commit, and then ends without a word to its workers", () => {
    const core = training();
    expect(core.on(interrupt)).toContainEqual(
      expect.objectContaining({ tag: "checkpoint", checkpoint: "1-1" }),
    );
    const effects = core.on({ tag: "checkpointWritten", checkpoint: "1-1" });
    expect(core.state.phase).toEqual(interrupted);
    expect(effects).toContainEqual({ tag: "ended", outcome: interrupted.outcome });
    expect(sent(core.effects, "finished")).toEqual([]);
  });

  it("sends away a worker that comes then, without an end either", () => {
    const core = new CoreDriver(tinySpec());
    core.on(interrupt);
    expect(core.state.phase).toEqual(interrupted);
    const effects = core.hello("late");
    expect(has(effects, "disconnect")).toBe(true);
    expect(sent(effects, "finished")).toEqual([]);
  });

  it("is interrupted all the same when its last commit can't be saved: an older checkpoint is there", () => {
    const core = training();
    core.on(interrupt);
    core.on({ tag: "checkpointFailed", checkpoint: "1-1", message: "away", isOutage: true });
    expect(core.state.phase).toEqual(interrupted);
  });

  it("ends as stopped when a person had stopped it before, or does so afterwards", () => {
    for (const events of [
      [stop, interrupt],
      [interrupt, stop],
    ]) {
      const core = training();
      for (const event of events) core.on(event);
      core.on({ tag: "checkpointWritten", checkpoint: "1-1" });
      expect(core.state.phase).toMatchObject(ended("stopped"));
      expect(sent(core.effects, "finished")).toHaveLength(1);
    }
  });
});

describe("a run to which no worker comes", () => {
  const waited = (waitsForWorkers: boolean) => {
    const core = new CoreDriver(tinySpec());
    core.state = { ...core.state, run: { ...core.state.run, waitsForWorkers } };
    core.passes(limits.noWorkersMs + 1_000);
    return core;
  };

  it("fails", () => {
    expect(waited(false).state.phase).toMatchObject(ended("failed"));
  });

  it("waits on and says so once a minute, where its coordinator waits for workers", () => {
    const core = waited(true);
    core.passes(lastingWaitLogMs / 2);
    core.passes(lastingWaitLogMs);
    expect(core.state.phase.tag).toBe("gathering");
    const said = core.effects.filter((effect) => effect.tag === "log");
    const message = `no worker came for ${lastingWaitLogMs / 1000} s: the run waits on`;
    const minutes = Math.floor((core.nowMs - 1_000) / lastingWaitLogMs);
    expect(said).toMatchObject(Array.from({ length: minutes }, () => ({ level: "warn", message })));
  });
});
