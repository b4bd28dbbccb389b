/**
 * A worker's session with a coordinator whose messages the test writes: what ends an assignment, what a drained worker
 * does, and how soon the coordinator learns what a worker is doing.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { TrainyardError } from "../../shared/errors.js";
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import type { Logger } from "../../shared/log.js";
import { workerMetrics } from "../../shared/metrics.js";
import type { RunSpec } from "../../shared/spec.js";
import type { PartialSenderOptions } from "../../worker/gradient-upload.js";
import { Phases } from "../../worker/phases.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { ReceivedKeys } from "../../worker/received-keys.js";
import { runSession } from "../../worker/session.js";
import type { SessionEnd } from "../../worker/session-state.js";
import type { WeightsOptions } from "../../worker/weights-receiver.js";
import { runWorker } from "../../worker/worker.js";
import { tinySpec } from "../support/core-driver.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";
import {
  audit,
  CountingEngine,
  evaluate,
  gradients,
  ListeningCoordinator,
  openPlace,
} from "../support/worker-place.js";
import { WrittenStream } from "../support/written-stream.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;
const image: RunSpec["image"] = { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" };
const spec = tinySpec({ image, lanes: 4, batchSize: 8 });
const welcome: CoordinatorBody = { kind: "welcome", specJson: JSON.stringify(spec), store: "memory:" };
const slices: CoordinatorBody = {
  kind: "slices",
  slices: [{ slice: 0, begin: 0, end: 64, port: 1 }],
  ticket: "t",
};

let stream: WrittenStream;
let clock: ManualClock;
let place: PreparedRun;
let engine: CountingEngine;
let coordinator: ListeningCoordinator;
let opened: { weights?: WeightsOptions; partials?: PartialSenderOptions };

beforeEach(async () => {
  const store = new MemoryStore();
  const manifest = await putFlatDataset(store, { name: "flat", training: 32, validation: 20, perShard: 40 });
  engine = new CountingEngine();
  place = await openPlace(store, manifest, spec, engine, { imageCacheBytes: 1e6 });
  coordinator = new ListeningCoordinator(engine.layout);
  [stream, clock, opened] = [new WrittenStream(), new ManualClock(), {}];
});

const surroundings = () => ({
  clock,
  connect: () => stream,
  openWeights: (options: WeightsOptions) => {
    opened.weights = options;
    return coordinator.streams.weights;
  },
  openPartials: (options: PartialSenderOptions) => {
    opened.partials = options;
    return coordinator.streams.partials;
  },
  openStore: async () => new MemoryStore(),
  prepareRun: async () => place,
});

function join(): Promise<SessionEnd> {
  stream.write(welcome, slices);
  return runSession({
    id: "w",
    host: "h",
    control: stream,
    logger: silent,
    metrics: workerMetrics(),
    dependencies: surroundings(),
    accept: () => undefined,
    keys: new ReceivedKeys(clock),
    prepare: async () => place,
  });
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 1) {
    if (waited > 5_000) throw new Error(`never: ${what}; said ${stream.said.map(({ kind }) => kind).join()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
/** All that was said besides heartbeats. */
const said = () => stream.said.filter(({ kind }) => kind !== "heartbeat");
const kinds = () => said().map(({ kind }) => kind);

describe("a step's assignment", () => {
  it("is settled after its last record, an audit after its answer, and nothing else is", async () => {
    const session = join();
    stream.write(gradients({ lanes: [0, 1], attempt: 1 }), audit({ endLane: 2, attempt: 1 }));
    await until(() => kinds().filter((kind) => kind === "settled").length === 2, "both settled");
    stream.write(evaluate({ step: 1 }));
    await until(() => kinds().includes("blockResult"), "the block");
    await new Promise((resolve) => setTimeout(resolve, 5));
    stream.write(null);
    expect(kinds()).toEqual([
      "ready",
      "laneRecord",
      "laneRecord",
      "settled",
      "auditDone",
      "settled",
      "blockResult",
    ]);
    expect(said()[3]).toEqual({ kind: "settled", step: 0, attempt: 1, share: 1 });
    expect((await session).tag).toBe("lost");
  });

  it("that is given up is settled too, and sends nothing else", async () => {
    const session = join();
    // The next attempt comes at once, so the first is never computed.
    stream.write(gradients({ lanes: [0] }), gradients({ lanes: [1], attempt: 1, excluded: [31] }));
    await until(() => kinds().filter((kind) => kind === "settled").length === 2, "both settled");
    expect(kinds()).toEqual(["ready", "settled", "laneRecord", "settled"]);
    expect(said()[1]).toEqual({ kind: "settled", step: 0, attempt: 0, share: 1 });
    stream.write(null);
    await session;
  });

  it("that failed is reported instead, and the next one is carried out", async () => {
    const session = join();
    const broken = engine.gradients;
    engine.gradients = () => {
      throw new TrainyardError("ENGINE", "out of memory");
    };
    stream.write(gradients());
    await until(() => kinds().includes("assignmentFailed"), "the failure");
    engine.gradients = broken;
    stream.write(gradients({ step: 1, stepInEpoch: 1 }));
    await until(() => kinds().includes("settled"), "the next");
    expect(kinds()).toEqual(["ready", "assignmentFailed", "laneRecord", "settled"]);
    expect(said()[1]).toEqual({
      kind: "assignmentFailed",
      assignment: "gradients",
      code: "ENGINE",
      message: "out of memory",
    });
    stream.write(null);
    await session;
  });

  it("is over as soon as later weights begin to arrive, and its uploads carry the worker's id", async () => {
    const session = join();
    await until(() => opened.weights !== undefined, "the streams");
    expect(opened.partials).toMatchObject({ worker: "w", run: "test", generation: 4 });
    const isOver = (step: number) => opened.partials?.isOver?.({ step, attempt: 7 });
    expect([isOver(0), isOver(1)]).toEqual([false, false]);
    opened.weights?.onVersion?.(1);
    expect([isOver(0), isOver(1)]).toEqual([true, false]);
    stream.write(gradients());
    await until(() => kinds().includes("settled"), "given up");
    expect(kinds()).toEqual(["ready", "settled"]);
    expect(engine.computed).toEqual([]);
    stream.write(null);
    await session;
    expect(isOver(Number.MAX_SAFE_INTEGER - 1)).toBe(true);
  });
});

it("work of a session that ended never puts its weights into the engine, which the next session uses", async () => {
  const released: number[] = [];
  let arrive: () => void = () => undefined;
  coordinator.streams.weights.at = async (step) => {
    await new Promise<void>((resolve) => (arrive = resolve));
    const parameters = new Float32Array(engine.layout.parameterCount);
    return { step, parameters, exact: true, release: () => void released.push(step) };
  };
  const set: string[] = [];
  Object.assign(engine, { setWeights: () => void set.push("weights of the session that ended") });
  const session = join();
  let isAsked = false;
  const { at } = coordinator.streams.weights;
  coordinator.streams.weights.at = (step) => {
    isAsked = true;
    return at(step);
  };
  stream.write(gradients());
  await until(() => isAsked, "it waits for weights");
  stream.write(null);
  await session;
  arrive();
  await until(() => released.length === 1, "the vector is given back");
  expect(set).toEqual([]);
});

describe("a drained worker", () => {
  it("hands its lanes back, computes no further lane, and ends without coming back", async () => {
    const worker = runWorker({
      coordinator: "h:1",
      id: "w",
      metricsAddress: "",
      logger: silent,
      metrics: workerMetrics(),
      signal: new AbortController().signal,
      dependencies: surroundings(),
    });
    const ended = worker.then(
      () => null,
      (error: TrainyardError) => error,
    );
    stream.write(welcome, slices);
    await until(() => kinds().includes("ready"), "it is ready");
    engine.onGradients = () => {
      if (engine.computed.length === 1) stream.write({ kind: "drain", reason: "its sums differ" });
    };
    stream.write(gradients({ lanes: [0, 1, 2, 3] }));
    await until(() => kinds().includes("leaving"), "it leaves");
    expect(said().at(-1)).toEqual({ kind: "leaving", reason: "its sums differ" });
    clock.passAtOnce(1_000);
    const error = await ended;
    expect(error).toMatchObject({ code: "INTERRUPTED", exitCode: 3 });
    expect(error?.message).toContain("its sums differ");
    expect(engine.computed.length).toBeLessThanOrEqual(3);
    expect(kinds().filter((kind) => kind === "hello")).toHaveLength(1);
  });
});

describe("what a worker is doing", () => {
  const heard: string[] = [];
  const phases = () => {
    heard.length = 0;
    return new Phases(clock, "prepare", (phase) => heard.push(`${clock.nowMs()} ${phase}`));
  };

  it("is sent every second, and at once when it changes", () => {
    const doing = phases();
    clock.passAtOnce(2_500);
    doing.enter("idle");
    clock.passAtOnce(1_000);
    expect(heard).toEqual(["1000 prepare", "2000 prepare", "2500 idle", "3000 idle"]);
  });

  it("is sent at most every 100 ms, the last change always, and not again when nothing changed", () => {
    const doing = phases();
    for (const phase of ["fetch", "compute", "idle", "fetch", "compute"] as const) {
      doing.enter(phase);
      clock.passAtOnce(10);
    }
    clock.passAtOnce(300);
    doing.enter("upload");
    clock.passAtOnce(50);
    doing.enter("compute");
    doing.enter("upload");
    clock.passAtOnce(500);
    expect(heard).toEqual(["0 fetch", "100 compute", "350 upload"]);
  });

  it("may change by itself: each heartbeat says what it is then", () => {
    const doing = phases();
    let isReading = true;
    doing.enter(() => (isReading ? "fetch" : "decode"));
    isReading = false;
    clock.passAtOnce(1_000);
    doing.close();
    doing.enter("idle");
    clock.passAtOnce(5_000);
    expect(heard).toEqual(["0 fetch", "1000 decode"]);
  });

  it("follows a session from preparing to computing", async () => {
    const session = join();
    engine.onGradients = () => clock.passAtOnce(150);
    stream.write(gradients());
    await until(() => kinds().includes("settled"), "the step");
    clock.passAtOnce(1_000);
    const told = stream.said.flatMap((body) => (body.kind === "heartbeat" ? [body.phase] : []));
    expect(told[0]).toBe("idle");
    expect(told).toContain("compute");
    expect(told.at(-1)).toBe("idle");
    stream.write(null);
    await session;
  });
});
