/** Puts a version of the weights into the engine, as soon as it has come down. */
import { TrainyardError } from "../shared/errors.js";
import type { Wire } from "../shared/grpc/wire.js";
import { roundToBfloat16 } from "../shared/kernels/bfloat16.js";
import { type AssignmentContext, giveUpIfOver, stage } from "./assignment-context.js";
import type { StepAttempt } from "./step-watermark.js";
import type { Weights } from "./weights-receiver.js";

/**
 * Waits for weights version `at.step` and sets it for training. The moving statistics are zeros: in training, batch
 * norm normalises by the micro-batch and does not look at them. Errors: INTERRUPTED when the step is over.
 */
export async function setTrainingWeights(context: AssignmentContext, at: StepAttempt): Promise<void> {
  const { layout, spec } = context.run;
  const statistics = new Float32Array(layout.statisticsCount);
  await setWeights(context, at, statistics, (weights) => asSent(weights, spec.wire));
}

/**
 * Waits for weights version `at.step` and sets it, with the moving statistics (float32 [statisticsCount]), for an
 * evaluation. Errors: INTERRUPTED when the evaluation is over, DAMAGED when the weights came rounded.
 */
export async function setEvaluationWeights(
  context: AssignmentContext,
  at: StepAttempt,
  statistics: Float32Array,
): Promise<void> {
  await setWeights(context, at, statistics, exactOf);
}

async function setWeights(
  context: AssignmentContext,
  at: StepAttempt,
  statistics: Float32Array,
  parametersOf: (weights: Weights) => Float32Array,
): Promise<void> {
  const waiting = { span: "weights.wait", attributes: { version: at.step }, phase: "download", at } as const;
  const weights = await stage(context, waiting, () => context.weights.at(at.step));
  try {
    giveUpIfOver(context, at);
    await context.run.engine.call("setWeights", { parameters: parametersOf(weights), statistics });
  } finally {
    weights.release();
  }
}

/**
 * The weights as the run's wire carries them. For an evaluation they come exact; where the wire is bfloat16 they are
 * rounded here, so that the epoch's first step starts from the same bits as if there had been no evaluation.
 */
function asSent({ parameters, exact }: Weights, wire: Wire): Float32Array {
  if (wire === "float32" || !exact) return parameters;
  const rounded = new Float32Array(new SharedArrayBuffer(parameters.byteLength));
  rounded.set(parameters);
  roundToBfloat16(rounded);
  return rounded;
}

function exactOf({ parameters, exact, step }: Weights): Float32Array {
  if (exact) return parameters;
  throw new TrainyardError("DAMAGED", `weights ${step} are to be evaluated, but came rounded to bfloat16`);
}
