/**
 * Entry of a worker's engine thread. An engine call blocks its thread; here it blocks nobody else, so heartbeats
 * and streams never wait for TensorFlow.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { Engine } from "../engine/engine.js";
import { loadTensorFlow, type TensorFlow } from "../engine/native/load.js";
import { createEngine } from "../engine/tensorflow-engine.js";
import { assertNever, asTrainyardError } from "../shared/errors.js";
import type { BlockOutcome, EngineReply, EngineRequest, EngineThreadOptions } from "./engine-calls.js";
import { computeLane } from "./lane.js";

const options = workerData as EngineThreadOptions;
const port = parentPort as MessagePort;
let tensorflow: TensorFlow | undefined;
let engine: Engine | undefined;

function opened(): Engine {
  if (engine === undefined) {
    tensorflow = loadTensorFlow(options);
    engine = createEngine(tensorflow, options.spec);
  }
  return engine;
}

function carryOut(request: EngineRequest): unknown {
  const model = opened();
  switch (request.name) {
    case "open":
      return { layout: model.layout, tensorflow: tensorflow?.version["tfjs-node"] ?? "" };
    case "prepare":
      model.prepare(request.input);
      return null;
    case "initialise":
      return model.initialise(request.input.seed);
    case "setWeights":
      model.setWeights(request.input.parameters, request.input.statistics);
      return null;
    case "lane":
      return computeLane(model, request.input.batches);
    case "block":
      return computeBlock(model, request.input.images, request.input.labels);
    case "tensorCount":
      return model.tensorCount();
    default:
      return assertNever(request);
  }
}

function computeBlock(model: Engine, images: Uint8Array, labels: Int32Array): BlockOutcome {
  const { losses, regularisation, probabilities } = model.evaluate(images, labels);
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

/** Fresh vectors travel without a copy. */
function transferOf(output: unknown): ArrayBuffer[] {
  const vector =
    output instanceof Float32Array ? output : (output as { gradient?: Float32Array } | null)?.gradient;
  return vector?.buffer instanceof ArrayBuffer ? [vector.buffer] : [];
}

port.on("message", (request: EngineRequest) => {
  const startedMs = performance.now();
  try {
    const output = carryOut(request);
    const reply: EngineReply = {
      id: request.id,
      tag: "done",
      output,
      seconds: (performance.now() - startedMs) / 1000,
    };
    port.postMessage(reply, transferOf(output));
  } catch (caught) {
    const error = asTrainyardError(caught, "ENGINE");
    port.postMessage({ id: request.id, tag: "failed", code: error.code, message: error.message });
  }
});
