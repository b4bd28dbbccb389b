/** What each call of a worker means to an engine, in whatever thread the engine lives. */
import type { Engine } from "../engine/engine.js";
import { assertNever } from "../shared/errors.js";
import type { BlockOutcome, EngineRequest } from "./engine-calls.js";
import { computeLane } from "./lane.js";

/** The call's output; see EngineCalls. Errors: the engine's. */
export function carryOut(engine: Engine, request: Exclude<EngineRequest, { name: "open" }>): unknown {
  switch (request.name) {
    case "prepare":
      engine.prepare(request.input);
      return null;
    case "initialise":
      return engine.initialise(request.input.seed);
    case "setWeights":
      engine.setWeights(request.input.parameters, request.input.statistics);
      return null;
    case "lane":
      return computeLane(engine, request.input.batches);
    case "block":
      return computeBlock(engine, request.input.images, request.input.labels);
    case "tensorCount":
      return engine.tensorCount();
    default:
      return assertNever(request);
  }
}

function computeBlock(engine: Engine, images: Uint8Array, labels: Int32Array): BlockOutcome {
  const { losses, regularisation, probabilities } = engine.evaluate(images, labels);
  let lossSum = 0;
  for (const loss of losses) lossSum += loss;
  const classes = probabilities.length / labels.length;
  const predicted = Array.from({ length: labels.length }, (_, i) =>
    indexOfLargest(probabilities.subarray(i * classes, (i + 1) * classes)),
  );
  return { lossSum: lossSum + labels.length * regularisation, predicted };
}

/** The first of equals, so that a probability of exactly 0.5 is the first class, as `> 0.5` has it. */
function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
