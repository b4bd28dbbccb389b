/** What each call of a worker means to an engine, in whatever thread the engine lives. */
import type { Engine } from "../engine/engine.js";
import { assertNever } from "../shared/errors.js";
import type { BlockOutcome, EngineRequest } from "./engine-calls.js";
import { type LaneRule, Lanes } from "./local-steps.js";

export class EngineHost {
  readonly engine: Engine;
  readonly #lanes: Lanes;

  constructor(engine: Engine, rule: LaneRule) {
    this.engine = engine;
    this.#lanes = new Lanes(engine, rule);
  }

  /** The call's output; see EngineCalls. Errors: the engine's. */
  carryOut(request: Exclude<EngineRequest, { name: "open" }>): unknown {
    switch (request.name) {
      case "prepare":
        this.engine.prepare(request.input);
        return null;
      case "initialise":
        return this.engine.initialise(request.input.seed);
      case "setWeights":
        this.#lanes.setWeights(request.input.parameters, request.input.statistics);
        return null;
      case "lane":
        return this.#lanes.compute(request.input.batches, request.input.over);
      case "block":
        return computeBlock(this.engine, request.input.images, request.input.labels);
      case "tensorCount":
        return this.engine.tensorCount();
      default:
        return assertNever(request);
    }
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
