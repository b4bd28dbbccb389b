/** An evaluation holds few images at a time, however many blocks it is asked for, and computes each block once. */
import { expect, it } from "vitest";
import type { ImageBatch } from "../../dataset/image-loader.js";
import { carryOut } from "../../worker/assignments.js";
import { tinySpec } from "../support/core-driver.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { MemoryStore } from "../support/memory-store.js";
import { CountingEngine, evaluate, ListeningCoordinator, openPlace } from "../support/worker-place.js";

it("large images are read a block ahead of the engine, no further", async () => {
  const store = new MemoryStore();
  const manifest = await putFlatDataset(store, { name: "flat", training: 1, validation: 640, perShard: 640 });
  // 192 MiB a block.
  const image = { height: 1024, width: 1024, channels: 3, resize: "nearest", colour: "srgb" } as const;
  const engine = new CountingEngine();
  const place = await openPlace(store, manifest, tinySpec({ image }), engine);
  let held = 0;
  let most = 0;
  const batch = async (samples: ArrayLike<number>): Promise<ImageBatch> => {
    held += 1;
    most = Math.max(most, held);
    await Promise.resolve();
    return { images: Uint8Array.from(samples), labels: new Int32Array(samples.length) };
  };
  const call = place.engine.call;
  const counted: typeof call = async (name, input) => {
    const reply = await call(name, input);
    if (name === "block") held -= 1;
    return reply;
  };
  Object.assign(place, { validation: Object.assign(place.validation, { batch }) });
  Object.assign(place.engine, { call: counted });
  const coordinator = new ListeningCoordinator(engine.layout);
  const blocks = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  coordinator.watermark.weightsArrive(0);
  await carryOut(coordinator.contextOf(place), evaluate({ blocks }));
  expect(coordinator.of("blockResult").map(({ block }) => block)).toEqual(blocks);
  expect(engine.evaluated).toHaveLength(blocks.length);
  expect(most).toBeLessThanOrEqual(3);
});
