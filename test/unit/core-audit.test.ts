/** A liar is found: shares of the work are computed twice, compared by the reducers, and a third decides. */
import { describe, expect, it } from "vitest";
import type { Effect } from "../../coordinator/core/events.js";
import type { RunSpec } from "../../shared/spec.js";
import { CoreDriver, has, sent, tinySpec } from "../support/core-driver.js";

/** Every share of the first step is audited, unless the test says otherwise. */
function audited(workers: readonly string[], change: Partial<RunSpec> = {}): CoreDriver {
  const core = new CoreDriver(tinySpec({ audit: 1, ...change }), 80, []);
  core.begins(...workers);
  core.passes(100);
  return core;
}

const auditsOf = (core: CoreDriver) => (core.state.phase.tag === "training" ? core.state.phase.audits : []);

/** The auditor's upload is through: the slice compares it with what it has. */
function compares(
  core: CoreDriver,
  worker: string,
  begin: number,
  agrees: string[],
  differs: string[],
): Effect[] {
  const audit = auditsOf(core).find(({ node }) => node.begin === begin);
  if (audit === undefined) throw new Error(`no audit at lane ${begin}`);
  const { step } = core.state.progress;
  const { node } = audit;
  const attempt = core.state.phase.tag === "training" ? core.state.phase.attempt : 0;
  const compared = core.on({ tag: "sliceCompared", slice: 0, step, node, worker, agrees, differs });
  const done = core.says(worker, {
    kind: "auditDone",
    step,
    attempt,
    beginLane: node.begin,
    endLane: node.end,
    finite: true,
  });
  return [...compared, ...done];
}

function recordsAll(core: CoreDriver): Effect[] {
  const effects = Object.entries(core.assigned).flatMap(([worker, lanes]) =>
    lanes.flatMap((lane) => core.record(worker, lane)),
  );
  return [...effects, ...core.sliceWhole()];
}

describe("an audit", () => {
  it("asks another worker for the sum of what one was given, and has the reducers watch it first", () => {
    const core = audited(["a", "b", "c"]);
    const asked = sent(core.effects, "audit");
    expect(asked).toHaveLength(3);
    for (const { node, worker, auditor } of auditsOf(core)) {
      expect(auditor).not.toBe(worker);
      const watch = core.effects.findIndex(
        (effect) => effect.tag === "watch" && effect.node.begin === node.begin,
      );
      const ask = core.effects.findIndex(
        (effect) =>
          effect.tag === "send" && effect.body.kind === "audit" && effect.body.beginLane === node.begin,
      );
      expect(watch).toBeGreaterThanOrEqual(0);
      expect(ask).toBeGreaterThan(watch);
    }
  });

  it("is waited for; equal sums let the step go on", () => {
    const core = audited(["a", "b"]);
    expect(has(recordsAll(core), "apply")).toBe(false);
    const [first, second] = auditsOf(core).map(({ node, worker, auditor }) => ({ ...node, worker, auditor }));
    if (first === undefined || second === undefined) throw new Error("two audits were due");
    expect(has(compares(core, first.auditor, first.begin, [first.worker], []), "apply")).toBe(false);
    expect(has(compares(core, second.auditor, second.begin, [second.worker], []), "apply")).toBe(true);
    expect(core.effects.filter(({ tag }) => tag === "audited")).toEqual([
      { tag: "audited", result: "equal" },
      { tag: "audited", result: "equal" },
    ]);
  });

  it("is dropped when its auditor meets the step deadline or is lost: a step never hangs on it", () => {
    const core = audited(["a", "b"]);
    recordsAll(core);
    let effects: Effect[] = [];
    for (let second = 0; second < 70; second += 1) {
      for (const id of ["a", "b"]) core.says(id, { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
      effects = [...effects, ...core.passes(1_000)];
    }
    expect(has(effects, "disconnect")).toBe(true);
    expect(has(effects, "apply")).toBe(true);
    const other = audited(["a", "b"]);
    const left = other.on({ tag: "left", worker: "b", reason: "killed" });
    expect(left.filter(({ tag }) => tag === "audited").length).toBeGreaterThan(0);
    expect(auditsOf(other)).toEqual([]);
    expect(has(recordsAll(other), "apply")).toBe(true);
  });

  it("is drawn for about the share that was asked for, by a salt that no worker knows", () => {
    const count = (salt: number) => {
      const core = new CoreDriver(tinySpec({ audit: 0.2, lanes: 2, batchSize: 4 }), 4_000, []);
      core.state = { ...core.state, run: { ...core.state.run, salt } };
      core.begins("a", "b");
      const steps: number[] = [];
      for (let step = 0; step < 300; step += 1) {
        if (auditsOf(core).length > 0) steps.push(step);
        for (const audit of auditsOf(core))
          compares(core, audit.auditor, audit.node.begin, [audit.worker], []);
        for (const [worker, lanes] of Object.entries(core.assigned))
          for (const lane of lanes) core.record(worker, lane);
        for (const id of ["a", "b"])
          for (const _ of core.state.workers.get(id)?.shares ?? []) core.settles(id);
        core.sliceWhole();
        core.committed();
      }
      return { steps, audits: sent(core.effects, "audit").length };
    };
    const [first, second] = [count(1), count(2)];
    expect(first.audits).toBeGreaterThan(80); // 600 shares x 0.2 = 120
    expect(first.audits).toBeLessThan(160);
    expect(first.steps).not.toEqual(second.steps);
  });

  it("is not drawn with one worker, nor with --audit 0", () => {
    expect(auditsOf(audited(["a"]))).toEqual([]);
    expect(auditsOf(audited(["a", "b"], { audit: 0 }))).toEqual([]);
  });
});

describe("two sums that differ", () => {
  /** Workers a, b, c with lanes 0-1, 2, 3; only a's sum is disputed, the third is asked. */
  function disputed() {
    const core = audited(["a", "b", "c"]);
    recordsAll(core);
    const audit = auditsOf(core).find(({ worker }) => worker === "a");
    if (audit === undefined) throw new Error("a is not audited");
    for (const other of auditsOf(core).filter(({ worker }) => worker !== "a")) {
      compares(core, other.auditor, other.node.begin, [other.worker], []);
    }
    const effects = compares(core, audit.auditor, audit.node.begin, [], ["a"]);
    const third = ["a", "b", "c"].find((id) => id !== "a" && id !== audit.auditor) as string;
    return { core, auditor: audit.auditor, third, effects };
  }

  it("name both, and a third is asked", () => {
    const { auditor, third, effects } = disputed();
    expect(effects).toContainEqual(
      expect.objectContaining({
        level: "error",
        message: expect.stringMatching(
          `workers a and ${auditor} returned different sums for lanes 0 to 1 of step 0`,
        ),
      }),
    );
    expect(sent(effects, "audit")).toMatchObject([{ worker: third, body: { beginLane: 0, endLane: 2 } }]);
  });

  it("drain the worker whose sum is in the step, and the step is begun again without it", () => {
    const { core, auditor, third } = disputed();
    const effects = compares(core, third, 0, [auditor], ["a"]);
    expect(sent(effects, "drain")).toMatchObject([{ worker: "a" }]);
    expect(effects).toContainEqual(
      expect.objectContaining({ tag: "beginStep", step: 0, attempt: 1, banned: ["a"] }),
    );
    expect(Object.keys(core.assigned).sort()).toEqual([auditor, third].sort());
    expect(core.record("a", 0)).toMatchObject([{ tag: "dropped", reason: "unknown worker" }]);
    const stale = core.record(auditor, 0, { attempt: 0 });
    expect(stale).toContainEqual(expect.objectContaining({ tag: "dropped", reason: "stale attempt" }));
    expect(sent(core.hello("a"), "drain")).toHaveLength(1);
    // The new attempt is audited as well.
    expect(has(recordsAll(core), "apply")).toBe(false);
    for (const again of auditsOf(core)) compares(core, again.auditor, again.node.begin, [again.worker], []);
    core.committed();
    expect(core.state.progress).toMatchObject({ step: 1, ledger: { committed: 8 } });
  });

  it("drain the auditor when the third is with the first, and the step goes on", () => {
    const { core, auditor, third } = disputed();
    const effects = compares(core, third, 0, ["a"], [auditor]);
    expect(sent(effects, "drain")).toMatchObject([{ worker: auditor }]);
    expect(effects.filter(({ tag }) => tag === "beginStep")).toEqual([]);
    expect(has(effects, "apply")).toBe(true);
  });

  it("are told without a verdict where there is no third, and where the third differs from both", () => {
    const core = audited(["a", "b"]);
    recordsAll(core);
    const effects = auditsOf(core).flatMap(({ auditor, worker, node }) =>
      compares(core, auditor, node.begin, [], [worker]),
    );
    expect(sent(effects, "drain")).toEqual([]);
    expect(effects).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("there is no third worker to decide") }),
    );
    expect(has(effects, "apply")).toBe(true);
    const all = disputed();
    const differing = compares(all.core, all.third, 0, [], ["a", all.auditor]);
    expect(sent(differing, "drain")).toEqual([]);
    expect(differing).toContainEqual({ tag: "audited", result: "unresolved" });
    expect(has(differing, "apply")).toBe(true);
  });

  it("a sum that is not finite for the auditor is another sum", () => {
    const core = audited(["a", "b", "c"]);
    const audit = auditsOf(core).find(({ worker }) => worker === "a");
    if (audit === undefined) throw new Error("a is not audited");
    const effects = core.says(audit.auditor, {
      kind: "auditDone",
      step: 0,
      attempt: 0,
      beginLane: audit.node.begin,
      endLane: audit.node.end,
      finite: false,
    });
    expect(sent(effects, "audit")).toHaveLength(1);
  });
});

describe("lanes that change hands within a step", () => {
  it("are audited as well: those of a lost worker", () => {
    const core = audited(["a", "b", "c"]);
    const before = sent(core.effects, "audit").length;
    const effects = core.on({ tag: "left", worker: "a", reason: "killed" });
    expect(sent(effects, "gradients").length).toBeGreaterThan(0);
    expect(sent(core.effects, "audit").length).toBeGreaterThan(before);
    for (const { node, worker, auditor } of auditsOf(core)) {
      expect(auditor).not.toBe(worker);
      expect([node.begin, worker, auditor]).not.toContain("a");
    }
  });

  it("and a sum that another holder sent first is judged as that one's", () => {
    const core = audited(["a", "b", "c"]);
    recordsAll(core);
    const audit = auditsOf(core).find(({ worker }) => worker === "a");
    if (audit === undefined) throw new Error("a is not audited");
    const other = ["a", "b", "c"].find((id) => id !== "a" && id !== audit.auditor) as string;
    const effects = compares(core, audit.auditor, audit.node.begin, [], [other]);
    const message = expect.stringContaining(`workers ${other} and ${audit.auditor} returned different sums`);
    expect(effects).toContainEqual(expect.objectContaining({ message }));
    expect(sent(effects, "audit")).toMatchObject([{ worker: "a" }]);
  });
});
