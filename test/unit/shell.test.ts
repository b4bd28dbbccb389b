/** The coordinator's shell: what the core can't take ends the run in the open, and never leaves it standing still. */
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { CoreEvent } from "../../coordinator/core/events.js";
import { samplesOf } from "../../coordinator/core/run-dimensions.js";
import { Shell } from "../../coordinator/shell.js";
import { WorkerStreams } from "../../coordinator/worker-streams.js";
import { type Clock, realClock } from "../../shared/clock.js";
import { createLogger } from "../../shared/log.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

function shellOf(core: CoreDriver, clock: Clock = realClock) {
  const metrics = coordinatorMetrics();
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const shell = new Shell({
    spec: core.state.run.dimensions.spec,
    store: new MemoryStore(),
    storeAddress: "memory:",
    state: core.state,
    host: "127.0.0.1",
    tensorPort: 0,
    reducers: 1,
    logger: createLogger({ role: "coordinator", destination, pretty: false }),
    metrics,
    clock,
  });
  const counted = async (name: string) => {
    const text = await metrics.registry.getSingleMetricAsString(name);
    return text.split("\n").filter((line) => !line.startsWith("#"));
  };
  return { shell, lines, clock, counted, metrics };
}

const nonsense = { tag: "nonsense" } as unknown as CoreEvent;

it("an event that breaks an invariant fails the run with its reason; later events are still taken", async () => {
  const { shell, lines } = shellOf(new CoreDriver(tinySpec()));
  expect(() => shell.dispatch(nonsense)).not.toThrow();
  expect(await shell.ended).toMatchObject({
    tag: "failed",
    reason: expect.stringContaining("invariant broken"),
  });
  expect(shell.state.phase).toMatchObject({ tag: "ended", outcome: { tag: "failed" } });
  expect(lines.join("")).toContain("shell.test.ts");
  shell.dispatch(nonsense);
  shell.dispatch({ tag: "stop", reason: "asked" });
  await shell.close();
});

it("a state that breaks every event ends the run all the same", async () => {
  const core = new CoreDriver(tinySpec());
  const { shell } = shellOf(Object.assign(core, { state: { ...core.state, workers: null } }));
  shell.dispatch({ tag: "stop", reason: "asked" });
  expect(await shell.ended).toMatchObject({ tag: "failed" });
  await shell.close();
});

it("what comes before the run is taken waits for the start, in order", async () => {
  const { shell } = shellOf(new CoreDriver(tinySpec()));
  shell.hold();
  shell.dispatch({ tag: "stop", reason: "the first" });
  shell.dispatch({ tag: "stop", reason: "the second" });
  expect(shell.state.phase.tag).toBe("gathering");
  const ignore = () => undefined;
  shell.start(new WorkerStreams({ run: "test", generation: 1, onEvent: ignore, onDropped: ignore }));
  expect(await shell.ended).toEqual({ tag: "stopped", reason: "the first" });
  await shell.close();
});

describe("a metric says", () => {
  it("who is late and what that one is doing", async () => {
    const core = new CoreDriver(tinySpec({ lanes: 2, batchSize: 4 }), 40, []);
    core.begins("a", "b");
    core.says("a", { kind: "heartbeat", phase: "fetch", share: 0, done: 0 });
    core.passes(100);
    core.record("b", 1);
    core.settles("b");
    const clock = new ManualClock();
    clock.skip(core.nowMs);
    const { shell, counted, metrics } = shellOf(core, clock);
    metrics.ofWorkers.join("a", ["fetch", "compute"]); // as when it came
    clock.skip(1_000);
    shell.dispatch({ tag: "tick", nowMs: clock.nowMs() });
    expect(await counted("trainyard_late_total")).toEqual([
      'trainyard_late_total{worker="a",phase="fetch"} 1',
      'trainyard_late_total{worker="a",phase="compute"} 0',
    ]);
    await shell.close();
  });

  it("what came of audits", async () => {
    const core = new CoreDriver(tinySpec({ audit: 1, lanes: 2, batchSize: 4 }), 40, []);
    core.begins("a", "b");
    core.passes(100);
    const { phase } = core.state;
    const [audit] = phase.tag === "training" ? phase.audits : [];
    if (audit === undefined) throw new Error("nothing is audited");
    const { node, worker, auditor } = audit;
    const { shell, counted } = shellOf(core, new ManualClock());
    const compared = { slice: 0, step: 0, node, worker: auditor, agrees: [worker], differs: [] };
    shell.dispatch({ tag: "sliceCompared", ...compared });
    expect(await counted("trainyard_audits_total")).toEqual([
      'trainyard_audits_total{result="equal"} 1',
      'trainyard_audits_total{result="different"} 0',
      'trainyard_audits_total{result="unresolved"} 0',
      'trainyard_audits_total{result="dropped"} 0',
    ]);
    await shell.close();
  });

  it("how many images turned out damaged", async () => {
    const core = new CoreDriver(tinySpec(), 40, []);
    core.begins("a");
    const { shell, counted } = shellOf(core, new ManualClock());
    const samples = samplesOf(core.state.run.dimensions, core.state.progress, 0).slice(0, 1);
    const body = {
      kind: "damaged",
      step: 0,
      attempt: 0,
      split: "train",
      samples,
      key: "k",
      reason: "r",
    } as const;
    shell.dispatch({ tag: "said", worker: "a", generation: 1, body });
    expect(await counted("trainyard_images_excluded_total")).toEqual(["trainyard_images_excluded_total 1"]);
    await shell.close();
  });
});
