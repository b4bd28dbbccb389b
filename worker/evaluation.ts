/** Blocks of the validation split on a commit's weights and published statistics; all reads start at once. */
import { DamagedSamples } from "../dataset/damage.js";
import type { ImageBatch } from "../dataset/image-loader.js";
import { evaluationBlock } from "../dataset/order.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { float32From } from "../shared/grpc/numbers.js";
import { reportDamage } from "./damage.js";
import type { BlockOutcome } from "./engine-calls.js";
import { evaluationOf } from "./frontier.js";
import { during, giveUpIfOver, loading, type Session, useWeights } from "./open-session.js";
import type { Workplace } from "./workplace.js";

type Evaluate = Extract<CoordinatorBody, { kind: "evaluate" }>;

/** A block that can't be read is reported, and the others go on. */
export async function evaluateBlocks(place: Workplace, session: Session, task: Evaluate): Promise<void> {
  const at = evaluationOf(task.step);
  giveUpIfOver(session, at);
  const excluded = new Set(task.excluded);
  const reads = task.blocks.map((block) => {
    const samples = evaluationBlock(block, place.manifest.splits.validation.samples, excluded);
    return { block, samples, batch: place.validation.batch(samples) };
  });
  for (const { batch } of reads) batch.catch(() => undefined); // awaited below, one after another
  await useWeights(place, session, at, float32From(task.statistics), "evaluate");
  for (const { block, samples, batch } of reads) {
    giveUpIfOver(session, at);
    try {
      const output = await evaluate(place, session, await loading(session, place.validation, () => batch));
      session.control.send({ kind: "blockResult", step: task.step, block, ...output });
      session.metrics.evaluated.inc(samples.length);
    } catch (caught) {
      if (!(caught instanceof DamagedSamples)) throw caught;
      const where = { step: task.step, attempt: 0, split: "validation", samples } as const;
      reportDamage(session, caught, { ...where, loader: place.validation });
    }
  }
}

/** A block whose samples are all excluded needs no engine. */
async function evaluate(place: Workplace, session: Session, batch: ImageBatch): Promise<BlockOutcome> {
  const { images, labels } = batch;
  if (labels.length === 0) return { lossSum: 0, predicted: [] };
  const { output } = await during(session, "compute", () => place.engine.call("block", { images, labels }));
  return output;
}
