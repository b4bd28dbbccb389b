/** What the run's metrics say of who is in it, of how fast it is and of steps that were not finite. */
import { describe, expect, it } from "vitest";
import type { CoreEvent, Effect } from "../../coordinator/core/events.js";
import { transition } from "../../coordinator/core/transition.js";
import { Observations } from "../../coordinator/observability/observations.js";
import { Throughput } from "../../coordinator/observability/throughput.js";
import { limits } from "../../shared/limits.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import type { RunSpec } from "../../shared/spec.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";
import { ManualClock } from "../support/manual-clock.js";

/** A core whose every event is observed, as the shell does. */
class ObservedCore extends CoreDriver {
  readonly clock = new ManualClock();
  readonly metrics = coordinatorMetrics();
  readonly observations: Observations;

  constructor(spec: RunSpec = tinySpec({ lanes: 2, batchSize: 4 })) {
    super(spec, 40, []);
    this.observations = new Observations(this.metrics, spec, this.clock);
  }

  override on(event: CoreEvent): Effect[] {
    const { state, effects } = transition(this.state, event);
    this.observations.change(event, this.state, state);
    this.state = state;
    for (const effect of effects) {
      if (effect.tag === "stepCommitted") this.observations.step(effect);
      if (effect.tag === "late") this.observations.late(effect);
    }
    this.observations.state(state);
    return effects;
  }

  override passes(ms: number): Effect[] {
    this.clock.skip(ms);
    return super.passes(ms);
  }

  /** Every lane of the step by its worker, 0.1 s each, and the commit after `ms`. */
  commits(ms: number, lanes: Record<string, number[]>, finite = true): void {
    const { step } = this.state.progress;
    for (const [worker, own] of Object.entries(lanes))
      for (const lane of own) this.record(worker, lane, { finite });
    this.passes(ms);
    if (finite)
      this.on({
        tag: "sliceWhole",
        slice: 0,
        step,
        report: {
          blockSums: new Float64Array([1]),
          largest: { root: 1, weights: 1, moments: [1, 1] },
        },
      });
    for (const worker of Object.keys(lanes)) this.settles(worker);
    this.on({ tag: "sliceCommitted", slice: 0, step, checksum: 1 });
  }

  /** The series of a metric and their values, labels as Prometheus writes them. */
  async series(name: string): Promise<Record<string, number>> {
    const text = await this.metrics.registry.getSingleMetricAsString(name);
    const lines = text.split("\n").filter((line) => !line.startsWith("#"));
    return Object.fromEntries(
      lines.map((line) => [
        line.slice(name.length, line.lastIndexOf(" ")),
        Number(line.slice(line.lastIndexOf(" "))),
      ]),
    );
  }

  async departures(): Promise<Record<string, number>> {
    const all = await this.series("trainyard_workers_left_total");
    return Object.fromEntries(
      Object.entries(all)
        .filter(([, count]) => count > 0)
        .map(([labels, count]) => [/"(.*)"/.exec(labels)?.[1], count]),
    );
  }

  async lost(): Promise<string[]> {
    return Object.keys(await this.series("trainyard_worker_lost_timestamp_seconds"));
  }
}

function begun(): ObservedCore {
  const core = new ObservedCore();
  core.begins("a", "b");
  return core;
}

describe("who is in the run", () => {
  it("has series from joining to leaving, and none after it", async () => {
    const core = begun();
    core.passes(1_000);
    expect(await core.series("trainyard_worker_ready")).toEqual({ '{worker="a"}': 1, '{worker="b"}': 1 });
    expect(await core.series("trainyard_worker_home_lanes")).toEqual({
      '{worker="a"}': 1,
      '{worker="b"}': 1,
    });
    expect(Object.keys(await core.series("trainyard_late_total"))).toContain('{worker="a",phase="compute"}');
    core.on({ tag: "left", worker: "a", reason: "reset" });
    core.passes(1_000);
    for (const name of ["ready", "home_lanes", "images_per_second"])
      expect(Object.keys(await core.series(`trainyard_worker_${name}`))).toEqual(['{worker="b"}']);
    expect(Object.keys(await core.series("trainyard_late_total")).join()).not.toContain('"a"');
  });

  it("counts comings, and goings by why", async () => {
    const core = begun();
    core.on({ tag: "left", worker: "a", reason: "reset" });
    core.joins("a");
    core.says("a", { kind: "leaving", reason: "drained" });
    core.joins("c");
    core.hello("c");
    core.says("b", { kind: "leaving", reason: "no such data set" });
    expect(await core.series("trainyard_workers_joined_total")).toEqual({ "": 5 });
    expect(await core.departures()).toEqual({ disconnected: 1, drained: 1, replaced: 1, failed: 1 });
  });

  it("tells silence from work that does not come, and the store's outage from a failure", async () => {
    const core = begun();
    core.joins("c");
    core.passes(limits.lostAfterMs - 1_000);
    for (const worker of ["b", "c"])
      core.says(worker, { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    core.passes(2_000);
    expect(await core.departures()).toEqual({ silent: 1 });
    core.says("c", {
      kind: "assignmentFailed",
      assignment: "gradients",
      code: "STORE_UNREACHABLE",
      message: "away",
    });
    for (let second = 0; second < 60 && core.state.workers.has("b"); second += 1) {
      core.passes(1_000);
      core.says("b", { kind: "heartbeat", phase: "compute", share: 0, done: 0 });
    }
    expect(await core.departures()).toEqual({ silent: 1, store: 1, overdue: 1 });
  });

  it("tells who was sent away for wrong results", async () => {
    const core = begun();
    const suspicions = new Map([["a", { count: limits.suspicions, what: "its sums differ" }]]);
    core.state = { ...core.state, membership: { ...core.state.membership, suspicions } };
    core.passes(100);
    expect(await core.departures()).toEqual({ wrong: 1 });
    expect(await core.lost()).toEqual(['{worker="a",reason="wrong"}']);
  });

  it("names who was lost until it is back, and nobody who was meant to go", async () => {
    const core = begun();
    core.on({ tag: "left", worker: "a", reason: "reset" });
    expect(await core.lost()).toEqual(['{worker="a",reason="disconnected"}']);
    core.joins("a");
    expect(await core.lost()).toEqual([]);
    core.says("b", { kind: "leaving", reason: "drained" });
    core.on({ tag: "stop", reason: "enough" });
    core.on({ tag: "fatal", message: "over" });
    core.on({ tag: "left", worker: "a", reason: "it closed its stream" });
    expect(await core.lost()).toEqual([]);
    expect(await core.departures()).toEqual({ disconnected: 1, drained: 1, ended: 1 });
  });
});

describe("labels that strangers choose", () => {
  it("name the last 20 that were lost", async () => {
    const core = begun();
    for (let index = 0; index < 50; index += 1) {
      core.hello(`w${index}`);
      core.on({ tag: "left", worker: `w${index}`, reason: "reset" });
    }
    const lost = await core.lost();
    expect(lost).toHaveLength(20);
    expect(lost.at(-1)).toContain("w49");
    expect(await core.departures()).toEqual({ disconnected: 50 });
  });

  it("are at most 1,000, of 64 characters", async () => {
    const core = new ObservedCore();
    const long = "x".repeat(500);
    for (let index = 0; index < 1_100; index += 1)
      core.metrics.ofWorkers.join(`${long}${index}`, ["compute"]);
    core.metrics.ofWorkers.late(`${long}7`, "compute");
    core.metrics.ofWorkers.late(`${long}1099`, "compute");
    core.metrics.ofWorkers.late(`${long}1098`, "compute");
    const series = await core.series("trainyard_late_total");
    expect(Object.keys(series)).toHaveLength(1_001);
    expect(series['{worker="(others)",phase="other"}']).toBe(2);
    expect(Object.values(series).filter((count) => count === 1)).toHaveLength(1);
    for (const labels of Object.keys(series)) expect(labels.length).toBeLessThan(64 + 30);
  });

  it("are of known phases, of which one is for all others", async () => {
    const core = begun();
    core.says("a", { kind: "heartbeat", phase: "other", share: 0, done: 0 });
    core.record("b", 1);
    core.settles("b");
    core.passes(1_000);
    core.passes(1_000);
    expect((await core.series("trainyard_late_total"))['{worker="a",phase="other"}']).toBe(1);
  });
});

describe("speed", () => {
  it("is samples over the time from assignment to commit; efficiency is its share of what engines can do", async () => {
    const core = begun();
    for (let step = 0; step < 3; step += 1) core.commits(200, { a: [0], b: [1] });
    // 4 samples in 0.2 s; each engine takes 0.1 s for its lane of 2.
    expect((await core.series("trainyard_images_per_second"))[""]).toBeCloseTo(20);
    expect((await core.series("trainyard_efficiency_ratio"))[""]).toBeCloseTo(0.5);
    core.passes(1_000);
    expect((await core.series("trainyard_worker_images_per_second"))['{worker="a"}']).toBeCloseTo(20);
  });

  it("is never more than all engines can do, also while workers get slower, and leave", () => {
    const throughput = new Throughput();
    const step = (lanes: Record<string, number>, seconds: number) => {
      for (const [worker, took] of Object.entries(lanes))
        throughput.noteLane(worker, { samples: 8, seconds: took });
      throughput.noteStep({ samples: 8 * Object.keys(lanes).length, seconds });
      expect(throughput.efficiency).toBeGreaterThan(0);
      expect(throughput.efficiency).toBeLessThanOrEqual(1);
    };
    for (let index = 0; index < 30; index += 1)
      step({ fast: 0.1, slow: 0.1 + 0.05 * index }, 0.1 + 0.05 * index);
    throughput.forget("fast");
    for (let index = 0; index < 30; index += 1) step({ slow: 1 }, 1.01);
    expect(throughput.imagesPerSecondOf("fast")).toBe(0);
    expect(throughput.efficiency).toBeCloseTo(0.99);
  });

  it("does not listen to times that can't be", async () => {
    const core = begun();
    core.commits(200, { a: [0], b: [1] });
    const before = await core.series("trainyard_efficiency_ratio");
    for (const computeSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      core.says("a", {
        kind: "laneRecord",
        step: 1,
        lane: 0,
        samples: 2,
        finite: true,
        lossSum: 1,
        correct: 1,
        statistics: new Uint8Array(16),
        computeSeconds,
        attempt: 0,
      });
    core.observations.step({
      tag: "stepCommitted",
      checksums: [],
      row: {
        step: 1,
        epoch: 0,
        loss: 1,
        accuracy: 1,
        learningRate: 1,
        gradientNorm: 1,
        samples: 4,
        seconds: 0.2,
        status: "applied",
      },
    });
    expect(await core.series("trainyard_efficiency_ratio")).toEqual(before);
  });
});

describe("time", () => {
  it("of the last commit is that of the coordinator's beginning before the first", async () => {
    const core = begun();
    const began = core.clock.date().getTime() / 1000;
    expect(await core.series("trainyard_last_commit_timestamp_seconds")).toEqual({ "": began });
    core.commits(2_000, { a: [0], b: [1] });
    expect(await core.series("trainyard_last_commit_timestamp_seconds")).toEqual({ "": began + 2 });
  });

  it("within which a checkpoint is due is the setting, else what an epoch took", async () => {
    const everySeconds = async (seconds: number | null) => {
      const core = new ObservedCore(
        tinySpec({ checkpoint: { keep: 2, everySteps: null, everySeconds: seconds } }),
      );
      const before = (await core.series("trainyard_checkpoint_interval_seconds"))[""];
      const row = {
        epoch: 0,
        step: 7,
        loss: 1,
        accuracy: 1,
        validationLoss: null,
        validationAccuracy: null,
        learningRate: 1,
        seconds: 90,
        imagesPerSecond: 1,
      };
      core.observations.epoch({ tag: "epochEnded", row, evaluation: null, isBest: true });
      return [before, (await core.series("trainyard_checkpoint_interval_seconds"))[""]];
    };
    expect(await everySeconds(60)).toEqual([60, 60]);
    expect(await everySeconds(null)).toEqual([0, 90]);
  });
});

it("a skipped step has no loss, and is no committed one", async () => {
  const core = begun();
  core.commits(200, { a: [0], b: [1] });
  expect((await core.series("trainyard_loss"))['{split="train"}']).toBeGreaterThan(0);
  core.record("a", 0, { finite: false });
  core.record("b", 0, { finite: false });
  core.on({ tag: "sliceCommitted", slice: 0, step: 1, checksum: 1 });
  expect((await core.series("trainyard_loss"))['{split="train"}']).toBeNaN();
  expect(await core.series("trainyard_steps_skipped_total")).toEqual({ "": 1 });
  expect(await core.series("trainyard_steps_committed_total")).toEqual({ "": 1 });
});
