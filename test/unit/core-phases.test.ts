/** The changes of phase that the core refuses, and the invariants that it checks after each event. */
import { describe, expect, it } from "vitest";
import { checkState, checkWholeState } from "../../coordinator/core/invariants.js";
import { phaseChanges, requirePhaseChange } from "../../coordinator/core/phases/phase-changes.js";
import type { PhaseTag } from "../../coordinator/core/state.js";
import { Turn } from "../../coordinator/core/turn.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

const tags = Object.keys(phaseChanges) as PhaseTag[];
const pairs = tags.flatMap((from) => tags.map((to) => [from, to] as const));

describe("a change of phase", () => {
  it.each(pairs.filter(([from, to]) => !phaseChanges[from].includes(to)))(
    "from %s to %s throws",
    (from, to) => {
      expect(() => requirePhaseChange(from, to)).toThrow(`the phase went from ${from} to ${to}`);
    },
  );

  it("to the end of the run is possible from every other phase, and none leaves the end", () => {
    for (const from of tags) expect(phaseChanges[from].includes("ended")).toBe(from !== "ended");
    expect(phaseChanges.ended).toEqual([]);
  });

  it("that the table does not have is refused where a phase is entered", () => {
    const turn = new Turn(new CoreDriver(tinySpec()).state);
    expect(() => turn.enter({ tag: "publishing", exported: [], failure: null, sinceMs: 0 })).toThrow(
      "from gathering to publishing",
    );
  });
});

describe("an invariant", () => {
  it("a handler of one phase that runs in another throws", () => {
    const turn = new Turn(new CoreDriver(tinySpec()).state);
    expect(() => turn.in("training")).toThrow("the run is gathering where it should be training");
    expect(() => turn.update("exporting", { worker: null })).toThrow("invariant broken");
  });

  it("a checkpoint that nobody asked for throws", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    expect(() => core.on({ tag: "checkpointWritten", checkpoint: "1-0" })).toThrow("than asked for");
  });

  it("a cursor behind its epoch throws", () => {
    const { state } = new CoreDriver(tinySpec());
    const progress = { ...state.progress, stepInEpoch: state.run.dimensions.stepsPerEpoch + 1 };
    expect(() => checkState({ ...state, progress })).toThrow("the cursor left its epoch");
  });

  it("lanes that a worker holds who is not there throw", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    checkWholeState(core.state);
    expect(() => checkWholeState({ ...core.state, workers: new Map() })).toThrow(
      "a holds work and is not ready",
    );
  });
});
