/**
 * A worker's work on a step: audits are the same sums as gradients, what the coordinator has gone past is given up at
 * the next chance, and no record is sent for it.
 */

import { beforeEach, describe, expect, it } from "vitest";
import type { Manifest } from "../../dataset/manifest.js";
import { TrainyardError } from "../../shared/errors.js";
import type { RunSpec } from "../../shared/spec.js";
import { carryOut, watermarkOf } from "../../worker/assignments.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { Watermark } from "../../worker/step-watermark.js";
import { tinySpec } from "../support/core-driver.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { MemoryStore } from "../support/memory-store.js";
import {
  audit,
  CountingEngine,
  evaluate,
  gradients,
  ListeningCoordinator,
  openPlace,
} from "../support/worker-place.js";

const image: RunSpec["image"] = { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" };
const spec = tinySpec({ image, lanes: 4, batchSize: 8 });

let place: PreparedRun;
let engine: CountingEngine;
let coordinator: ListeningCoordinator;
beforeEach(async () => {
  const store = new MemoryStore();
  const dataset = { name: "flat", training: 32, validation: 200, perShard: 40 };
  const manifest: Manifest = await putFlatDataset(store, dataset);
  engine = new CountingEngine();
  place = await openPlace(store, manifest, spec, engine, { imageCacheBytes: 1e6 });
  coordinator = new ListeningCoordinator(engine.layout);
});

const isInterrupted = { code: "INTERRUPTED" };

describe("an audit", () => {
  it("uploads the same bits as a training step would for the node, sends its answer, and records nothing", async () => {
    await carryOut(coordinator.contextOf(place), gradients({ lanes: [2, 3], attempt: 1 }));
    await carryOut(coordinator.contextOf(place), audit({ beginLane: 2, endLane: 4, attempt: 1 }));
    const [first, second] = coordinator.uploads;
    expect(first).toMatchObject({ kind: "GRADIENT", node: { begin: 2, end: 4 }, step: 0, attempt: 1 });
    expect(second).toEqual({ ...first, kind: "AUDIT" });
    expect(coordinator.of("laneRecord")).toHaveLength(2);
    expect(coordinator.of("auditDone")).toEqual([
      { kind: "auditDone", step: 0, attempt: 1, beginLane: 2, endLane: 4, finite: true },
    ]);
  });

  it("keeps its node's name where the sibling is absent", async () => {
    const stepOf = { step: 0, epoch: 0, stepInEpoch: 0, excluded: new Set<number>() };
    const excluded = [2, 3].flatMap((lane) => [...place.batches.samplesOf({ ...stepOf, lane })]);
    await carryOut(coordinator.contextOf(place), audit({ beginLane: 0, endLane: 2, excluded }));
    expect(coordinator.uploads).toMatchObject([{ kind: "AUDIT", node: { begin: 0, end: 2 } }]);
  });

  it("whose lanes are not finite uploads nothing and reports that", async () => {
    engine.poisoned = place.batches.samplesOf({
      step: 0,
      epoch: 0,
      stepInEpoch: 0,
      excluded: new Set(),
      lane: 1,
    })[0] as number;
    await carryOut(coordinator.contextOf(place), audit({ endLane: 2 }));
    expect(coordinator.uploads).toEqual([]);
    expect(coordinator.of("auditDone")).toMatchObject([{ finite: false }]);
  });
});

describe("work that the coordinator has gone past", () => {
  it("is not begun", async () => {
    coordinator.watermark.weightsArrive(1);
    for (const late of [gradients(), audit()]) {
      await expect(carryOut(coordinator.contextOf(place), late)).rejects.toMatchObject(isInterrupted);
    }
    await expect(carryOut(coordinator.contextOf(place), evaluate())).rejects.toMatchObject(isInterrupted);
    expect([engine.computed, engine.evaluated]).toEqual([[], []]);
    expect(coordinator.said).toEqual([]);
  });

  it("ends between two lanes, and sends neither sum nor record", async () => {
    engine.onGradients = () => {
      if (engine.computed.length === 1) coordinator.watermark.reached({ step: 0, attempt: 1 });
    };
    const work = carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 1, 2, 3] }));
    await expect(work).rejects.toMatchObject(isInterrupted);
    expect(engine.computed).toHaveLength(2);
    expect([coordinator.uploads, coordinator.said]).toEqual([[], []]);
  });

  it.each([
    { accumulation: 2, localSteps: null },
    { accumulation: 1, localSteps: { count: 3, learningRate: 0.1 } },
  ])("ends between two calls of a lane with $accumulation, $localSteps", async (change) => {
    const { store, manifest } = place;
    const several = await openPlace(store, manifest, { ...spec, ...change }, engine);
    engine.onGradients = () => {
      if (engine.computed.length === 1) coordinator.watermark.weightsArrive(1);
    };
    const work = carryOut(coordinator.contextOf(several), gradients({ lanes: [0, 1] }));
    await expect(work).rejects.toMatchObject(isInterrupted);
    expect(engine.computed).toHaveLength(2);
    expect([coordinator.uploads, coordinator.said]).toEqual([[], []]);
  });

  it("ends between two blocks", async () => {
    const said = coordinator.streams.control.send;
    Object.assign(coordinator.streams.control, {
      send: (body: Parameters<typeof said>[0]) => {
        said(body);
        coordinator.watermark.reached({ step: 0, attempt: 0 });
      },
    });
    const work = carryOut(coordinator.contextOf(place), evaluate({ blocks: [0, 1, 2] }));
    await expect(work).rejects.toMatchObject(isInterrupted);
    expect(coordinator.of("blockResult")).toHaveLength(1);
  });

  it("sends no record after its upload, even when the upload was acknowledged", async () => {
    coordinator.onUpload = () => coordinator.watermark.weightsArrive(1);
    const work = carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 1] }));
    await expect(work).rejects.toMatchObject(isInterrupted);
    expect(coordinator.uploads).toHaveLength(1);
    expect(coordinator.said).toEqual([]);
  });
});

it("a sum goes up while the next one is computed", async () => {
  // Lanes 0 and 2 to 3 are two nodes; the first one's upload ends only when all lanes are computed.
  const computed = () => engine.computed.length;
  const seen: number[] = [];
  coordinator.onUpload = async ({ node }) => {
    if (node.begin === 0) {
      seen.push(computed());
      while (computed() < 3) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    seen.push(computed());
  };
  await carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 2, 3] }));
  expect(seen).toEqual([1, 3, 3]);
  expect(coordinator.uploads).toHaveLength(2);
});

it("an assignment whose upload fails ends only when its other uploads have ended: no record follows its end", async () => {
  // Lanes 0 and 2 to 3 are two nodes; the first one's upload lingers, the second one's fails.
  const order: string[] = [];
  coordinator.onUpload = async ({ node }) => {
    if (node.begin === 2) throw new TrainyardError("DAMAGED", "arrived corrupt three times");
    await new Promise((resolve) => setTimeout(resolve, 30));
    order.push("the other upload");
  };
  const work = carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 2, 3] }));
  await work.catch((error: TrainyardError) => order.push(error.code));
  expect(order).toEqual(["the other upload", "DAMAGED"]);
});

it("the metrics tell where the time of an assignment went, decoding apart from fetching", async () => {
  await carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 1] }));
  const text = await coordinator.metrics.registry.metrics();
  const seconds = (phase: string) =>
    Number(new RegExp(`duration_seconds_sum\\{phase="${phase}"\\} (\\S+)`).exec(text)?.[1]);
  expect(seconds("decode")).toBeGreaterThan(0);
  for (const phase of ["fetch", "download", "compute", "upload"])
    expect(seconds(phase)).toBeGreaterThanOrEqual(0);
  const { fetchSeconds, decodeSeconds } = place.training.counters;
  expect(Math.min(fetchSeconds, decodeSeconds)).toBeGreaterThan(0);
});

describe("the watermark", () => {
  it("only rises: by step, then by attempt, with the evaluation of a step's weights before its first attempt", () => {
    const frontier = new Watermark();
    const places = [
      watermarkOf(gradients({ step: 3 })),
      watermarkOf(gradients({ step: 3, attempt: 2 })),
      watermarkOf(evaluate({ step: 4 })),
      watermarkOf(audit({ step: 4 })),
      watermarkOf(evaluate({ step: 5 })),
    ].flatMap((at) => at ?? []);
    expect(places).toHaveLength(5);
    places.forEach((at, index) => {
      frontier.reached(at);
      frontier.reached(places[0] as (typeof places)[0]);
      expect(places.map((other) => frontier.isOver(other))).toEqual(places.map((_, other) => other < index));
    });
    frontier.weightsArrive(4);
    expect(frontier.isOver(places[4] as (typeof places)[0])).toBe(false);
    frontier.end();
    expect(places.every((at) => frontier.isOver(at))).toBe(true);
  });

  it("sets a flag in shared memory for the engine's thread when a step is over, for as long as the step is watched", () => {
    const frontier = new Watermark();
    const [first, second, forgotten] = [0, 1, 0].map((step) => frontier.watch({ step, attempt: 0 }));
    forgotten?.forget();
    frontier.weightsArrive(1);
    expect([first, second, forgotten].map((watched) => watched?.over[0])).toEqual([1, 0, 0]);
    expect(frontier.watch({ step: 0, attempt: 3 }).over[0]).toBe(1);
    frontier.end();
    expect(second?.over[0]).toBe(1);
    expect(second?.over.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
