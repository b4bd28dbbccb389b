/**
 * What the model of a step takes: the work of a step, what each piece costs (measured or assumed), and the cluster
 * that does it. Values only; seconds, bytes, images.
 */
import { bytesPerElement } from "../shared/grpc/wire.js";
import { callsPerLane, type RunSpec, samplesPerLane } from "../shared/spec.js";

/** The work of one step of a run. */
export interface StepWork {
  /** Parts of the global batch; at most so many workers compute. */
  readonly lanes: number;
  /** Engine calls of a lane between two exchanges: accumulation x local steps. */
  readonly callsPerLane: number;
  /** Images of a step, over all lanes and engine calls. */
  readonly images: number;
  /** Trainable: the length of the flat vector. */
  readonly parameters: number;
  /** On the wire: 4 for float32, 2 for bfloat16. */
  readonly bytesPerParameter: number;
}

/** Seconds of one thread that has a core for itself. */
export interface Costs {
  /** One engine call of a full micro-batch, alone on its machine, with `engineThreads` threads. */
  readonly callSeconds: number;
  /** Intra-operation threads of an engine. */
  readonly engineThreads: number;
  /** New weights into the engine, once a step. */
  readonly setWeightsSeconds: number;
  /** Reading, decoding or finding an image and drawing its augmentation: done ahead, beside the engine. */
  readonly imageSeconds: number;
  /** Adding a lane's gradient to the others of a worker, per parameter. */
  readonly workerAddSeconds: number;
  /** Per byte of a partial or of weights: on the worker's thread, and on the reducer's. */
  readonly workerSendSeconds: number;
  readonly workerReceiveSeconds: number;
  readonly reducerReceiveSeconds: number;
  readonly reducerSendSeconds: number;
  /** Per parameter: adding a partial along the tree; norm and finiteness of the root; Adam, encoding, checksum. */
  readonly addSeconds: number;
  readonly reportSeconds: number;
  readonly applySeconds: number;
  /** Seconds for a message from one thread or process to another on the same machine. */
  readonly hopSeconds: number;
}

export interface Link {
  /** The link's name as it is printed: "loopback", "1 Gbit/s". */
  readonly name: string;
  /** Bandwidth of each machine's network card, each way. Infinity: only the processors limit it. */
  readonly bytesPerSecond: number;
  /** Seconds one way. */
  readonly latencySeconds: number;
  /** Most that one stream has under way: its flow-control window. */
  readonly windowBytes: number;
  /** What one worker alone reached, up and down: streams don't go faster on a faster link. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
}

export interface Cluster {
  readonly workers: number;
  readonly workersPerMachine: number;
  /** Real workers have a thread each; emulated ones may share it. */
  readonly workersPerThread: number;
  /** Cores of each worker machine, counted in cores as fast as one that is busy alone: two hyper-threads are less than two. */
  readonly cores: number;
  /** Cores of the coordinator's machine; null when it runs on the workers' machine. */
  readonly coordinatorCores: number | null;
  /** Reducer threads. */
  readonly reducers: number;
  readonly link: Link;
}

export interface Scenario {
  readonly work: StepWork;
  readonly costs: Costs;
  readonly cluster: Cluster;
}

const unlimited = Number.POSITIVE_INFINITY;

/** A link without latency or limits. */
export const freeLink: Link = {
  name: "free",
  bytesPerSecond: unlimited,
  latencySeconds: 0,
  windowBytes: unlimited,
  upBytesPerSecond: unlimited,
  downBytesPerSecond: unlimited,
};

/** Costs of zero seconds for everything. */
export const freeCosts: Costs = {
  callSeconds: 0,
  engineThreads: 1,
  setWeightsSeconds: 0,
  imageSeconds: 0,
  workerAddSeconds: 0,
  workerSendSeconds: 0,
  workerReceiveSeconds: 0,
  reducerReceiveSeconds: 0,
  reducerSendSeconds: 0,
  addSeconds: 0,
  reportSeconds: 0,
  applySeconds: 0,
  hopSeconds: 0,
};

/** The work of a step of this run. `parameters`: number of trainable parameters. */
export const workOf = (spec: RunSpec, parameters: number): StepWork => ({
  lanes: spec.lanes,
  callsPerLane: callsPerLane(spec),
  images: samplesPerLane(spec) * spec.lanes,
  parameters,
  bytesPerParameter: bytesPerElement(spec.wire),
});

/** Bytes of one whole vector on the wire. */
export const vectorBytes = ({ parameters, bytesPerParameter }: StepWork) => parameters * bytesPerParameter;

/** Engine seconds of a step over all lanes, when nothing is in the way. */
export const engineSeconds = ({ work, costs }: Scenario) =>
  work.lanes * work.callsPerLane * costs.callSeconds;
