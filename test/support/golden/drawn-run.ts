/** All that a run of a golden store draws, as text: it must be the same on every machine and in every later version. */
import { openLoaders } from "../../../dataset/image-loader.js";
import { stepsPerEpoch } from "../../../dataset/sample-order.js";
import { initialParameters } from "../../../engine/models/initial-weights.js";
import { crc32c } from "../../../shared/crc32c.js";
import { bytesOf } from "../../../shared/grpc/numbers.js";
import type { ModelLayout } from "../../../shared/layout.js";
import { drawsOf, type RunSpec, samplesPerLane } from "../../../shared/spec.js";
import type { ObjectStore } from "../../../shared/store/object-store.js";
import { LaneBatches } from "../../../worker/batches.js";

/** Epochs whose draws are in the text. */
const epochs = 3;

/** Initial weights, and of each lane's step: samples, images, dropout seed, augmentation of the first sample. */
export async function drawnRun(store: ObjectStore, spec: RunSpec, layout: ModelLayout): Promise<string> {
  const { manifest, training } = await openLoaders(store, spec);
  const split = manifest.splits.train;
  const steps = stepsPerEpoch(split.samples, spec.lanes, samplesPerLane(spec));
  const batches = new LaneBatches(spec, split, training, steps);
  const sources = split.shards.flatMap((shard) => shard.samples.map(({ source }) => source));
  const weights = initialParameters(layout, spec.seed, drawsOf(spec));
  const lines = [`${spec.format}: initial weights ${crc32c(bytesOf(weights))}`];
  for (let step = 0; step < epochs * steps; step += 1) {
    for (let lane = 0; lane < spec.lanes; lane += 1) {
      const [epoch, stepInEpoch] = [Math.floor(step / steps), step % steps];
      const place = { step, epoch, stepInEpoch, excluded: new Set<number>(), lane };
      const names = [...batches.samplesOf(place)].map((sample) => sources[sample]);
      for (const { images, transforms, dropoutSeed } of await batches.of(place)) {
        const transform = Array.from(transforms.subarray(0, 6), (value) => value.toFixed(4));
        lines.push(
          `step ${step} lane ${lane}: ${names.join(" ")}; images ${crc32c(images)}; dropout ${dropoutSeed.join(" ")}; transform ${transform.join(" ")}`,
        );
      }
    }
  }
  return `${lines.join("\n")}\n`;
}
