/** Carries out a worker's engine calls on an engine, in the thread that the engine lives in. */
import type { Engine } from "../engine/engine.js";
import { assertNever } from "../shared/errors.js";
import type { BlockOutcome, EngineRequest, LaneRule } from "./engine-calls.js";
import { GradientLanes, type Lanes } from "./lane.js";
import { LocalStepLanes } from "./local-steps.js";

/** The lanes of a run, as its spec has them: with local steps or without. */
export function lanesFor(engine: Engine, { accumulation, localSteps }: LaneRule): Lanes {
  if (localSteps === null) return new GradientLanes(engine);
  return new LocalStepLanes(engine, { accumulation, learningRate: localSteps.learningRate });
}

export class EngineHost {
  readonly engine: Engine;
  readonly #lanes: Lanes;

  constructor(engine: Engine, rule: LaneRule) {
    this.engine = engine;
    this.#lanes = lanesFor(engine, rule);
  }

  /** Returns the call's output, as EngineCalls declares it. Errors: the engine's. */
  carryOut(request: Exclude<EngineRequest, { name: "open" }>): unknown {
    switch (request.name) {
      case "prepare":
        this.engine.prepare(request.input);
        return null;
      case "initialise":
        return this.engine.initialise(request.input.seed, request.input.draws);
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

/** The first one among equals, so a probability of exactly 0.5 means the first class, as with `> 0.5`. */
function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i += 1) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
