/**
 * The Engine on TensorFlow. It records a graph for each size of micro-batch, keeps a session for it and feeds that
 * session. It owns the model, the sessions and the weights in TensorFlow's memory; results leave as typed arrays.
 */
import { invariant, TrainyardError } from "../shared/errors.js";
import type { Draws } from "../shared/random.js";
import { imageBytesOf } from "../shared/spec.js";
import type { Engine, EngineSpec, EvaluationResult, MicroBatch, MicroBatchResult } from "./engine.js";
import { recordEvaluation } from "./evaluation-graph.js";
import { buildTopology } from "./models/build-model.js";
import { initialParameters } from "./models/initial-weights.js";
import { type ModelTopology, modelTopology, withLogits } from "./models/model-topology.js";
import { layoutOf } from "./models/parameter-layout.js";
import type { TensorFlow } from "./native/load-tensorflow.js";
import type { RecordedGraph } from "./recording/recorded-graph.js";
import {
  DataType,
  type NativeBinding,
  nodeBackend,
  type TensorValues,
} from "./recording/tfjs-node-backend.js";
import { GraphSession } from "./session/graph-session.js";
import { nativeTensor } from "./session/native-tensor.js";
import { WeightFeeds } from "./session/weight-inputs.js";
import { recordTraining, type StepModel } from "./training-graph.js";

/** Creates the engine of the spec's model. Throws MODEL when the model can't take images of the spec's size. */
export function createEngine(tf: TensorFlow, spec: EngineSpec): Engine {
  return createEngineOf(tf, spec, modelTopology(spec));
}

/** Creates the engine of a given topology instead of the spec's model. Its output is the probabilities of the classes. */
export function createEngineOf(tf: TensorFlow, spec: EngineSpec, topology: ModelTopology): Engine {
  refuseClassWeights(spec);
  const model = buildTopology(tf, withLogits(topology));
  return new TensorFlowEngine({ tf, spec, model, layout: layoutOf(model) });
}

function refuseClassWeights({ classes, classWeights }: EngineSpec): void {
  if (classWeights.length === classes.length) return;
  throw new TrainyardError(
    "USAGE",
    `there are ${classes.length} classes and ${classWeights.length} class weights; give one weight per class`,
  );
}

class TensorFlowEngine implements Engine {
  readonly #source: StepModel;
  readonly #binding: NativeBinding;
  readonly #training = new Map<number, GraphSession>();
  readonly #evaluation = new Map<number, GraphSession>();
  readonly #weights: WeightFeeds;

  constructor(source: StepModel) {
    this.#source = source;
    this.#binding = nodeBackend(source.tf).binding;
    this.#weights = new WeightFeeds(this.#binding, source.layout);
  }

  get layout() {
    return this.#source.layout;
  }

  initialise(seed: number, draws: Draws): Float32Array {
    return initialParameters(this.layout, seed, draws);
  }

  prepare(sizes: { gradients: readonly number[]; evaluate: readonly number[] }): void {
    for (const size of sizes.gradients) this.#trainingSession(size);
    for (const size of sizes.evaluate) this.#evaluationSession(size);
  }

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.#weights.set(parameters, statistics);
  }

  gradients(batch: MicroBatch): MicroBatchResult {
    const samples = batch.labels.length;
    const session = this.#trainingSession(samples);
    const hasStatistics = this.layout.statisticsCount > 0;
    const fetches = ["lossSum", "correct", "gradient", ...(hasStatistics ? ["statistics"] : [])];
    const [lossSum, correct, gradient, statistics] = this.#run(
      session,
      {
        ...this.#labelledImages(batch.images, batch.labels),
        transforms: float(batch.transforms, [samples, 8]),
        brightness: float(batch.brightness, [samples]),
        channelShifts: float(batch.channelShifts, [samples]),
        dropoutSeed: { shape: [2], dtype: DataType.int32, values: Int32Array.from(batch.dropoutSeed) },
      },
      fetches,
    );
    return {
      lossSum: scalar(lossSum),
      correct: scalar(correct),
      samples,
      gradient: gradient as Float32Array,
      statistics: (statistics ?? new Float32Array(0)) as Float32Array,
    };
  }

  evaluate(images: Uint8Array, labels: Int32Array): EvaluationResult {
    const session = this.#evaluationSession(labels.length);
    const hasPenalty = this.#source.spec.model.l2 > 0;
    const fetches = ["losses", "probabilities", ...(hasPenalty ? ["regularisation"] : [])];
    const [losses, probabilities, penalty] = this.#run(
      session,
      this.#labelledImages(images, labels),
      fetches,
    );
    return {
      losses: losses as Float32Array,
      probabilities: probabilities as Float32Array,
      regularisation: penalty === undefined ? 0 : scalar(penalty),
    };
  }

  predict(images: Uint8Array): Float32Array {
    const pixels = imageBytesOf(this.#source.spec.image);
    const classes = this.#source.spec.classes.length;
    const samples = images.length / pixels;
    const probabilities = new Float32Array(samples * classes);
    let done = 0;
    for (const size of powersOfTwo(samples, largestPrediction)) {
      const block = images.subarray(done * pixels, (done + size) * pixels);
      const session = this.#evaluationSession(size);
      const [values] = this.#run(session, this.#labelledImages(block, new Int32Array(size)), [
        "probabilities",
      ]);
      probabilities.set(values as Float32Array, done * classes);
      done += size;
    }
    return probabilities;
  }

  tensorCount(): number {
    return this.#binding.getNumOfTensors();
  }

  dispose(): void {
    for (const session of [...this.#training.values(), ...this.#evaluation.values()]) session.close();
    this.#training.clear();
    this.#evaluation.clear();
    this.#weights.close();
    this.#source.model.dispose();
  }

  #trainingSession(samples: number): GraphSession {
    return this.#session(this.#training, samples, recordTraining);
  }

  #evaluationSession(samples: number): GraphSession {
    return this.#session(this.#evaluation, samples, recordEvaluation);
  }

  #session(
    sessions: Map<number, GraphSession>,
    samples: number,
    recordGraph: (source: StepModel, samples: number) => RecordedGraph,
  ): GraphSession {
    invariant(samples > 0, "an engine call has at least one sample");
    let session = sessions.get(samples);
    if (session === undefined) {
      session = new GraphSession(this.#binding, recordGraph(this.#source, samples));
      sessions.set(samples, session);
    }
    return session;
  }

  #labelledImages(images: Uint8Array, labels: Int32Array): Record<string, Feed> {
    const { height, width, channels } = this.#source.spec.image;
    const shape = [labels.length, height, width, channels];
    return {
      images: { shape, dtype: DataType.uint8, values: images },
      labels: { shape: [labels.length], dtype: DataType.int32, values: labels },
    };
  }

  #run(session: GraphSession, feeds: Record<string, Feed>, fetches: readonly string[]): TensorValues[] {
    invariant(this.#weights.tensors.size > 0, "weights are set before the engine is called");
    const opened = Object.entries(feeds).map(([name, { shape, dtype, values }]) => {
      refuseWrongSize(name, shape, values);
      return [name, nativeTensor(this.#binding, shape, dtype, values)] as const;
    });
    try {
      return session.run(new Map([...opened, ...this.#weights.tensors]), fetches);
    } finally {
      for (const [, tensor] of opened) tensor.close();
    }
  }
}

interface Feed {
  readonly shape: readonly number[];
  readonly dtype: number;
  readonly values: TensorValues;
}

const float = (values: Float32Array, shape: readonly number[]): Feed => ({
  shape,
  dtype: DataType.float,
  values,
});

const scalar = (values: TensorValues | undefined) => Number(values?.[0]);

/** Most images in one prediction call. */
const largestPrediction = 64;

/** Cuts `count` into blocks of `largest` and then powers of two, so that few sizes are recorded and nothing is padded. */
function powersOfTwo(count: number, largest: number): number[] {
  const sizes: number[] = [];
  for (let rest = count, size = largest; rest > 0; ) {
    if (rest >= size) {
      sizes.push(size);
      rest -= size;
    } else size /= 2;
  }
  return sizes;
}

function refuseWrongSize(name: string, shape: readonly number[], values: TensorValues): void {
  const expected = shape.reduce((product, side) => product * side, 1);
  invariant(values.length === expected, `${name} holds ${values.length} values for the shape [${shape}]`);
}
