/**
 * Many steps of a worker on a tiny net with batch norm and dropout, with images that don't decode, steps that are
 * given up half-way, exclusions that make calls of sizes nobody prepared, and evaluations in between: the number of
 * tensors stays as it is, memory that is held is bounded, and both are exported as metrics (TN10).
 */
import { afterAll, expect, it } from "vitest";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { TrainyardError } from "../../shared/errors.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { carryOut } from "../../worker/assignments.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { noAugmentation } from "../support/augmentation.js";
import { tinySpec } from "../support/core-driver.js";
import { freshStatistics, tensorFlow } from "../support/engine/spec.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { heldBytes } from "../support/held-bytes.mjs";
import { MemoryStore } from "../support/memory-store.js";
import { atScale } from "../support/scale.js";
import { evaluate, gradients, ListeningCoordinator, openPlace } from "../support/worker-place.js";

const steps = atScale({ quick: 150, normal: 500, full: 2_000 });
/** Steps after which caches are full and most functions are compiled. */
const warmUp = 100;
/** Of one epoch: 24 samples in steps of 8. */
const perEpoch = 3;
const undecodable = 6;
/** What compiling the remaining functions leaves in the heap. */
const compiledBytes = 1024 * 1024;
/** A step that kept its gradient of 14 KiB would show after 100 steps, one that kept an image in the longest run. */
const grownBytesPerStep = 1_024;
/** After the first lane of its first attempt. */
const isGivenUp = (step: number) => step % 7 === 3;

const spec = tinySpec({
  image: { height: 8, width: 8, channels: 1, resize: "nearest", colour: "srgb" },
  model: { name: "digits", dropout: 0.3, batchNormMomentum: 0.9, l2: 0 },
  augmentation: { ...noAugmentation, rotationRange: 20, horizontalFlip: true },
  lanes: 2,
  batchSize: 8,
  epochs: steps,
});
const tf = tensorFlow();
const engine = createEngine(tf, spec);
afterAll(() => engine.dispose());

interface Course {
  readonly place: PreparedRun;
  readonly coordinator: ListeningCoordinator;
  /** How the assignments ended. */
  readonly ends: { done: number; damaged: number; givenUp: number };
  afterLane: () => void;
}

async function start(): Promise<Course> {
  const store = new MemoryStore();
  const dataset = { name: "flat", training: 24, validation: 10, perShard: 4, undecodable: [undecodable] };
  const place = await openPlace(store, await putFlatDataset(store, dataset), spec, engine);
  const coordinator = new ListeningCoordinator(engine.layout);
  // The coordinator keeps nothing, else the test would be what grows.
  Object.assign(coordinator.streams.partials, { send: async () => undefined });
  engine.prepare({ gradients: [4], evaluate: [10] });
  const ends = { done: 0, damaged: 0, givenUp: 0 };
  const course: Course = { place, coordinator, ends, afterLane: () => undefined };
  const call: PreparedRun["engine"]["call"] = place.engine.call;
  const counted: typeof call = async (name, input) => {
    const reply = await call(name, input);
    if (name === "lane") course.afterLane();
    return reply;
  };
  Object.assign(place.engine, { call: counted });
  return course;
}

/** A step until it is done: damage excludes the sample, a step that was given up is begun again. */
async function takeStep(course: Course, step: number): Promise<void> {
  const { place, coordinator, ends } = course;
  const { watermark } = coordinator;
  let excluded: number[] = [];
  for (let attempt = 0; ; attempt += 1) {
    const at = { step, attempt };
    watermark.reached(at);
    course.afterLane = () => {
      if (isGivenUp(step)) watermark.reached({ step, attempt: 1 });
    };
    coordinator.said.length = 0;
    const where = { epoch: Math.floor(step / perEpoch), stepInEpoch: step % perEpoch };
    try {
      await carryOut(coordinator.contextOf(place), gradients({ ...at, ...where, lanes: [0, 1], excluded }));
    } catch (caught) {
      if (!(caught instanceof TrainyardError) || caught.code !== "INTERRUPTED") throw caught;
      ends.givenUp += 1;
      continue;
    }
    excluded = coordinator.of("damaged").flatMap(({ samples }) => samples);
    if (excluded.length === 0) break;
    ends.damaged += 1;
  }
  ends.done += 1;
}

async function takeEvaluation({ place, coordinator }: Course, step: number): Promise<void> {
  const statistics = bytesOf(freshStatistics(engine.layout));
  coordinator.watermark.weightsArrive(step);
  await carryOut(coordinator.contextOf(place), evaluate({ step, statistics }));
}

async function metric({ coordinator }: Course, name: string): Promise<number> {
  const text = await coordinator.metrics.registry.metrics();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

it(`${steps} steps with failing decodes and aborted steps leave tensors and memory as they were`, async () => {
  const course = await start();
  const tensors = () => [engine.tensorCount(), tf.memory().numTensors];
  let before: number[] = [];
  let heldBefore = 0;
  for (let step = 0; step < steps; step += 1) {
    if (step % 50 === 0) await takeEvaluation(course, step);
    await takeStep(course, step);
    if (step !== warmUp) continue;
    before = tensors();
    heldBefore = heldBytes();
  }
  expect(tensors()).toEqual(before);
  expect(heldBytes() - heldBefore).toBeLessThan(compiledBytes + (steps - warmUp) * grownBytesPerStep);
  expect(course.ends.done).toBe(steps);
  expect(course.ends.damaged).toBeGreaterThanOrEqual(Math.floor(steps / perEpoch));
  expect(course.ends.givenUp).toBe(Array.from({ length: steps }, (_, step) => step).filter(isGivenUp).length);
  expect(await metric(course, "trainyard_worker_engine_tensors")).toBe(before[0]);
  expect(await metric(course, "process_resident_memory_bytes")).toBeGreaterThan(0);
}, 180_000);
