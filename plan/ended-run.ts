/**
 * A run that has ended, predicted from its own parts: its lanes' seconds and its reducers' busy seconds go into the
 * model, on a network that limits nothing. So what it took beyond that, it waited: for the network, for processors
 * that others had, for messages. Pure.
 */
import type { RunResult, RunTiming } from "../shared/result.js";
import { callsPerLane, type RunSpec } from "../shared/spec.js";
import { freeCosts, freeLink, type Scenario, workOf } from "./scenario.js";
import { predictStep, type StepPrediction } from "./step-model.js";

export interface LookingBack {
  readonly timing: RunTiming;
  readonly predicted: StepPrediction;
  /** Seconds of lanes / (workers x step), of what was measured. */
  readonly efficiency: number;
}

/** Returns null when no usual step was measured. */
export function lookBack(spec: RunSpec, { timing, parameters }: RunResult): LookingBack | null {
  if (timing === null) return null;
  const laneSeconds = spec.lanes * timing.laneSeconds.median;
  return {
    timing,
    predicted: predictStep(scenarioOf(spec, timing, parameters)),
    efficiency: laneSeconds / (timing.workers * timing.stepSeconds.median),
  };
}

/** Between two threads or processes of a machine: about what `plan` measures everywhere. */
const hopSeconds = 2e-4;

/**
 * The parts hold what it cost to share cores, so none are shared here. A byte costs a worker what it costs a reducer,
 * whose seconds besides the update are spread over the bytes that it moved.
 */
function scenarioOf(spec: RunSpec, timing: RunTiming, parameters: number): Scenario {
  const free = Number.POSITIVE_INFINITY;
  const work = workOf(spec, parameters);
  const { workers, reducers } = timing;
  const costs = {
    ...freeCosts,
    callSeconds: timing.laneSeconds.median / callsPerLane(spec),
    applySeconds: (timing.commitSeconds.median * reducers) / parameters,
    hopSeconds,
  };
  const cluster = {
    workers,
    workersPerMachine: 1,
    workersPerThread: 1,
    cores: free,
    coordinatorCores: free,
    reducers,
    link: freeLink,
  };
  const { bytesUp, bytesDown } = predictStep({ work, costs, cluster });
  const moving = Math.max(0, timing.reducerSeconds - timing.commitSeconds.median * reducers);
  const perByte = moving / (bytesUp + bytesDown);
  return {
    work,
    cluster,
    costs: {
      ...costs,
      workerSendSeconds: perByte,
      workerReceiveSeconds: perByte,
      reducerReceiveSeconds: perByte,
      reducerSendSeconds: perByte,
    },
  };
}
