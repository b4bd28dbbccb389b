/** What may change when a run goes on, and that nothing of it decides the bits of a step. */
import { describe, expect, it } from "vitest";
import { readCommandLine } from "../../cli/command-line.js";
import { changesOf, changeWords, refuseDecided } from "../../runs/resume.js";
import { runSettings } from "../../shared/settings/run-settings.js";
import { effectiveSpec, joinChanges, SpecChanges, stepIdentity } from "../../shared/spec-changes.js";
import { tinySpec } from "../support/core-driver.js";

const spec = tinySpec({ epochs: 2 });
const writtenIn = (...words: string[]) => new Set(readCommandLine(words, runSettings).given.keys());
const flags = { epochs: 9, keepCheckpoints: 3, checkpointSeconds: 60 };

describe("the spec that counts", () => {
  it("is the submitted one without changes", () => expect(effectiveSpec(spec, {})).toEqual(spec));

  it("has the later of two words, and keeps the rest of the earlier", () => {
    const changes = joinChanges(
      { epochs: 5, patience: 2 },
      { epochs: 7, keepCheckpoints: 1, checkpointSeconds: null },
    );
    const changed = effectiveSpec(spec, changes);
    expect(changed).toMatchObject({
      epochs: 7,
      earlyStopping: { patience: 2, minDelta: 0 },
      checkpoint: { keep: 1, everySeconds: null },
    });
    expect(effectiveSpec(changed, changes)).toEqual(changed);
    expect(SpecChanges.parse(JSON.parse(JSON.stringify(changes)))).toEqual(changes);
  });

  it("has a minDelta only with patience, the run's own or a new one", () => {
    expect(() => effectiveSpec(spec, { minDelta: 0.1 })).toThrow(
      /--min-delta does nothing without --patience/,
    );
    const patient = tinySpec({ earlyStopping: { patience: 3, minDelta: 0 } });
    expect(effectiveSpec(patient, { minDelta: 0.1 }).earlyStopping).toEqual({ patience: 3, minDelta: 0.1 });
    expect(effectiveSpec(spec, { minDelta: 0.1, patience: 4 }).earlyStopping).toEqual({
      patience: 4,
      minDelta: 0.1,
    });
  });

  it("exports the best weights once patience is given, like a run that had it from the beginning, unless told otherwise", () => {
    expect(spec).toMatchObject({ earlyStopping: null, exportWeights: "last" });
    expect(effectiveSpec(spec, { patience: 4 }).exportWeights).toBe("best");
    expect(effectiveSpec(spec, { patience: 4, exportWeights: "last" }).exportWeights).toBe("last");
    expect(effectiveSpec(spec, { exportWeights: "best" }).exportWeights).toBe("best");
    const told = tinySpec({ earlyStopping: { patience: 3, minDelta: 0 }, exportWeights: "last" });
    expect(effectiveSpec(told, { patience: 4 }).exportWeights).toBe("last");
  });

  it("leaves a worker's engine and images as they are; every other difference does not", () => {
    const changes = {
      epochs: 9,
      patience: 1,
      exportWeights: "best" as const,
      keepCheckpoints: 9,
      checkpointSteps: 1,
      checkpointSeconds: null,
    };
    expect(stepIdentity(effectiveSpec(spec, changes))).toBe(stepIdentity(spec));
    for (const other of [tinySpec({ seed: 2 }), tinySpec({ lanes: 2 }), tinySpec({ labelSmoothing: 0.1 })]) {
      expect(stepIdentity(other)).not.toBe(stepIdentity(spec));
    }
  });
});

describe("the flags of a run that goes on", () => {
  it("count only when they stand on the command line", () => {
    expect(changesOf(flags, writtenIn())).toEqual({});
    expect(changesOf(flags, writtenIn("--epochs", "9"))).toEqual({ epochs: 9 });
    const seconds = { ...flags, checkpointSeconds: 0 };
    expect(changesOf(seconds, writtenIn("--checkpoint-seconds=0"))).toEqual({ checkpointSeconds: null });
  });

  it("reach the coordinator as they were written", () => {
    const changes = { epochs: 9, patience: 2, minDelta: 0.5, keepCheckpoints: 1, checkpointSteps: 4 };
    const words = changeWords({ ...changes, checkpointSeconds: null });
    expect(changesOf({ ...changes, checkpointSeconds: 0 }, writtenIn(...words))).toEqual({
      ...changes,
      checkpointSeconds: null,
    });
    expect(changeWords({})).toEqual([]);
  });

  const changeable = [
    "epochs",
    "patience",
    "min-delta",
    "export-weights",
    "keep-checkpoints",
    "checkpoint-steps",
    "checkpoint-seconds",
  ];
  const decided = Object.keys(runSettings).filter((name) => !changeable.includes(name));

  it.each(decided)("--%s is refused by name", (name) => {
    expect(() => refuseDecided("faces-1", new Set([name]))).toThrow(
      new RegExp(`^--${name} is decided when a run begins: leave it out to go on with faces-1$`),
    );
  });

  it.each(changeable)("--%s is taken", (name) => {
    expect(() => refuseDecided("faces-1", new Set([name]))).not.toThrow();
  });
});
