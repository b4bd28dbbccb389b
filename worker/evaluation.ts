/**
 * Blocks of the validation split on a commit's weights and published statistics. The first are read while weights are
 * waited for, the next ones while blocks are computed, within limits.prefetchBytes.
 */
import { DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { ImageBatch } from "../dataset/image-loader.js";
import { evaluationBlock } from "../dataset/sample-order.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { float32From } from "../shared/grpc/numbers.js";
import { limits } from "../shared/limits.js";
import { type ImageSpec, imageBytesOf } from "../shared/spec.js";
import { traced } from "../shared/tracing.js";
import { type AssignmentContext, during, giveUpIfOver, loading, useWeights } from "./assignment-context.js";
import { reportDamage } from "./damage-report.js";
import type { BlockOutcome } from "./engine-calls.js";
import type { PreparedRun } from "./prepared-run.js";
import { evaluationOf } from "./watermark.js";

type Evaluate = Extract<CoordinatorBody, { kind: "evaluate" }>;

/** A block that can't be read is reported, and the others go on. */
export async function evaluateBlocks(
  place: PreparedRun,
  session: AssignmentContext,
  task: Evaluate,
): Promise<void> {
  const at = evaluationOf(task.step);
  giveUpIfOver(session, at);
  const excluded = new Set(task.excluded);
  const read = (block: number) => {
    const samples = evaluationBlock(block, place.manifest.splits.validation.samples, excluded);
    const batch = place.validation.batch(samples);
    batch.catch(() => undefined); // awaited below, one after another
    return { block, samples, batch };
  };
  const left = [...task.blocks];
  const reads = left.splice(0, blocksAhead(place.spec.image)).map(read);
  await useWeights(place, session, at, float32From(task.statistics), "evaluate");
  for (let next = reads.shift(); next !== undefined; next = reads.shift()) {
    const { block, samples, batch } = next;
    reads.push(...left.splice(0, 1).map(read));
    giveUpIfOver(session, at);
    try {
      const pictures = await traced(session.span, "batch.wait", { block }, () =>
        loading(session, place.validation, () => batch),
      );
      const output = await traced(session.span, "compute", { block }, () =>
        evaluate(place, session, pictures),
      );
      session.control.send({ kind: "blockResult", step: task.step, block, ...output });
      session.metrics.evaluated.inc(samples.length);
    } catch (caught) {
      if (!(caught instanceof DamagedSampleError)) throw caught;
      const where = { step: task.step, attempt: 0, split: "validation", samples } as const;
      reportDamage(session, caught, { ...where, loader: place.validation });
    }
  }
}

/** Blocks whose pictures are held at a time; at least two, so that one is read while one is computed. */
function blocksAhead(image: ImageSpec): number {
  const blockBytes = limits.evaluationBlock * imageBytesOf(image);
  return Math.max(2, Math.floor(limits.prefetchBytes / blockBytes));
}

/** A block whose samples are all excluded needs no engine. */
async function evaluate(
  place: PreparedRun,
  session: AssignmentContext,
  batch: ImageBatch,
): Promise<BlockOutcome> {
  const { images, labels } = batch;
  if (labels.length === 0) return { lossSum: 0, predicted: [] };
  const { output } = await during(session, "compute", () => place.engine.call("block", { images, labels }));
  return output;
}
