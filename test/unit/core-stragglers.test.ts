/** Slow machines: late lanes go to others too, and steadily slow workers lose lanes for good. */
import { describe, expect, it } from "vitest";
import type { Effect } from "../../coordinator/core/events.js";
import { CoreDriver, sent, tinySpec } from "../support/core-driver.js";
import { longRun, PacedCluster } from "../support/paced-cluster.js";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Lanes by worker as the next step begins. */
function lanesPlaced({ core }: PacedCluster): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const worker of core.state.placement?.lanes ?? []) counts[worker] = (counts[worker] ?? 0) + 1;
  return counts;
}

describe("from the fifth step on, a worker ten times slower costs a fifth at most", () => {
  it.each([
    { lanes: 2, fast: 1 },
    { lanes: 4, fast: 1 },
    { lanes: 4, fast: 2 },
    { lanes: 8, fast: 3 },
    { lanes: 8, fast: 7 },
    { lanes: 16, fast: 5 },
  ])("of $lanes lanes beside $fast others", ({ lanes, fast }) => {
    const others = Object.fromEntries(Array.from({ length: fast }, (_, i) => [`fast-${i}`, 100]));
    const spec = tinySpec({ lanes, batchSize: lanes });
    const without = new PacedCluster(longRun(spec), others);
    without.commits(100);
    const cluster = new PacedCluster(longRun(spec), { slow: 1_000, ...others });
    cluster.commits(100);
    expect(sum(cluster.stepMs.slice(4))).toBeLessThanOrEqual(1.2 * sum(without.stepMs.slice(4)));
  });

  it("and gets lanes again once it has recovered", () => {
    const cluster = new PacedCluster(longRun(tinySpec({ lanes: 4, batchSize: 4 })), {
      slow: 1_000,
      fast: 100,
    });
    cluster.commits(20);
    expect(lanesPlaced(cluster)).toEqual({ fast: 4 });
    const slow = cluster.workers.get("slow");
    if (slow !== undefined) slow.laneMs = 100;
    cluster.commits(100);
    expect(lanesPlaced(cluster)).toEqual({ slow: 2, fast: 2 });
  });
});

it("machines of several speeds get lanes by their speeds", () => {
  const cluster = new PacedCluster(longRun(tinySpec({ lanes: 16, batchSize: 16 })), {
    a: 300,
    b: 100,
    c: 100,
  });
  cluster.commits(10);
  expect(lanesPlaced(cluster)).toEqual({ a: 2, b: 7, c: 7 });
  expect(Math.max(...cluster.stepMs.slice(5))).toBeLessThanOrEqual(800);
});

it("lanes stay where they are among equal machines, whatever the noise of a few percent", () => {
  const cluster = new PacedCluster(longRun(tinySpec({ lanes: 8, batchSize: 8 })), { a: 100, b: 110, c: 95 });
  cluster.commits(5);
  const before = cluster.core.state.placement?.lanes;
  for (const worker of cluster.workers.values()) worker.laneMs += 10;
  cluster.commits(30);
  expect(cluster.core.state.placement?.lanes).toEqual(before);
});

describe("a late lane", () => {
  /** One step done in 100 ms a lane, then b alone answers. */
  function withLateWorker(): CoreDriver {
    const core = new CoreDriver(tinySpec({ lanes: 2, batchSize: 4 }), 40, []);
    core.begins("a", "b");
    core.passes(100);
    core.completesStep();
    core.passes(100);
    core.record("b", 1);
    core.settles("b");
    return core;
  }
  const late = (effects: readonly Effect[]) => effects.filter(({ tag }) => tag === "late");

  it("is given to an early finisher after four times the median lane time, and told of once, with its phase", () => {
    const core = withLateWorker();
    core.says("a", { kind: "heartbeat", phase: "fetch", share: 0, done: 0 });
    expect(sent(core.passes(250), "gradients")).toEqual([]);
    const effects = core.passes(100);
    expect(sent(effects, "gradients")).toMatchObject([{ worker: "b", body: { step: 1, lanes: [0] } }]);
    expect(late(effects)).toEqual([{ tag: "late", worker: "a", phase: "fetch" }]);
    expect(effects).toContainEqual(
      expect.objectContaining({
        level: "warn",
        message: expect.stringMatching(/^worker a is late with lane 0 of step 1: 0\.\d s .* in fetch$/),
      }),
    );
    expect(late(core.passes(300))).toEqual([]);
  });

  it("counts once, from the worker that is first; the other record is dropped", () => {
    for (const [first, second] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      const core = withLateWorker();
      core.passes(450);
      core.record(first, 0);
      expect(core.record(second, 0)).toContainEqual(
        expect.objectContaining({ tag: "dropped", worker: second, reason: "duplicate" }),
      );
      core.sliceWhole();
      core.committed();
      expect(core.state.progress).toMatchObject({ step: 2, ledger: { committed: 8, redone: 0 } });
    }
  });

  it("is open to nobody when one of its two holders is lost, and goes on with the other", () => {
    const core = withLateWorker();
    core.passes(450);
    expect(sent(core.on({ tag: "left", worker: "a", reason: "killed" }), "gradients")).toEqual([]);
    expect(core.assigned).toEqual({ b: [0] });
    expect(core.state.progress.ledger.redone).toBe(0);
  });

  it("is not late before anything is known of how long a lane takes", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a", "b");
    core.says("a", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    core.says("b", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    const effects = core.passes(4_000);
    expect(late(effects)).toEqual([]);
    expect(core.state.workers.size).toBe(2);
  });

  it("of a step that went on without it: its worker gets nothing new until it has settled", () => {
    const core = withLateWorker();
    core.passes(450);
    core.record("b", 0);
    core.settles("b");
    core.sliceWhole();
    core.committed();
    expect(core.assigned).toEqual({ b: [0, 1] });
    core.settles("a");
    core.completesStep();
    expect(Object.keys(core.assigned).sort()).toEqual(["a", "b"]);
  });
});

it("a worker that is at one share for longer than the step deadline is cut off, though the step went on", () => {
  const core = new CoreDriver(tinySpec({ lanes: 2, batchSize: 4 }), 400, []);
  core.begins("a", "b");
  core.passes(100);
  core.completesStep();
  let effects: Effect[] = [];
  for (let ms = 0; ms < 12_000; ms += 100) {
    for (const id of ["a", "b"]) core.says(id, { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    for (const lane of core.assigned["b"] ?? []) core.record("b", lane);
    if (core.state.workers.get("b")?.shares.length) core.settles("b");
    core.sliceWhole();
    core.committed();
    effects = [...effects, ...core.passes(100)];
  }
  const cut = effects.filter((effect) => effect.tag === "disconnect");
  expect(cut).toEqual([
    {
      tag: "disconnect",
      worker: "a",
      reason: expect.stringMatching(/^lane 0 of step 1 made no progress for/),
    },
  ]);
  expect(core.state.progress.step).toBeGreaterThan(5);
});

describe("a reducer", () => {
  it("that does not report is told of after two seconds, and ends the run by name after thirty", () => {
    const core = new CoreDriver(tinySpec());
    core.begins("a");
    for (const lane of [0, 1, 2, 3]) core.record("a", lane);
    core.settles("a");
    let effects: Effect[] = [];
    for (let second = 0; second < 40; second += 1) {
      core.says("a", { kind: "heartbeat", phase: "idle", share: 0, done: 0 });
      effects = [...effects, ...core.passes(1_000)];
    }
    expect(late(effects)).toEqual([{ tag: "late", worker: "reducer 0", phase: "reduce" }]);
    expect(core.state.phase).toMatchObject({
      tag: "ended",
      outcome: { tag: "failed", reason: "reducer 0 is not done with step 0 after 30 s" },
    });
  });
  const late = (effects: readonly Effect[]) => effects.filter(({ tag }) => tag === "late");
});

describe("before anything is known of how long a step takes", () => {
  /** Seconds after which a worker that computes all lanes of the first step is cut off. */
  function secondsGranted(change: Parameters<typeof tinySpec>[0]): number {
    const core = new CoreDriver(tinySpec({ lanes: 2, batchSize: 8, ...change }), 400, []);
    core.begins("a");
    for (let seconds = 1; ; seconds += 1) {
      core.says("a", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
      if (core.passes(1_000).some(({ tag }) => tag === "disconnect")) return seconds - 1;
    }
  }

  it("it has a minute for each engine call of a lane: a worker that is cut off never shows that it takes longer", () => {
    expect(secondsGranted({})).toBe(60);
    expect(secondsGranted({ accumulation: 2 })).toBe(120);
    expect(secondsGranted({ accumulation: 2, localSteps: { count: 5, learningRate: 0.1 } })).toBe(600);
  });
});
