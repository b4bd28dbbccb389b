/** Flags that would help, each with the figure that the model predicts for it, the most helpful first. */

import { chooseLanes } from "../runs/lane-choice.js";
import { limits } from "../shared/limits.js";
import type { RunSpec } from "../shared/spec.js";
import { type Link, type Scenario, vectorBytes } from "./scenario.js";
import { predictStep, type StepPrediction } from "./step-model.js";

export interface Advice {
  /** The flag as a user writes it on the command line. */
  readonly flag: string;
  readonly prediction: StepPrediction;
  /** Images per second with it / without it. */
  readonly gain: number;
  /** What else the flag changes; empty = the result keeps its bits. */
  readonly cost: string;
}

interface Candidate {
  readonly flag: string;
  readonly cost: string;
  readonly scenario: Scenario;
}

/** Flags of the same kind, the least intrusive first. */
type Family = readonly Candidate[];

/** A smaller gain than this is within the error of the measurements. */
const smallestGain = 1.03;
const enoughOfBest = 0.9;
/** Twice the most lanes that a batch gets by default. */
const largestFactor = 16;

type RunShape = Pick<RunSpec, "batchSize" | "accumulation" | "localSteps">;

/** `rounded`: the same with bfloat16 on the wire, if that is not the run's. */
export function adviceFor(scenario: Scenario, run: RunShape, rounded: Scenario | null): Advice[] {
  const now = predictStep(scenario);
  const families = [
    onTheWire(rounded),
    moreReducers(scenario),
    largerBatches(scenario, run),
    accumulate(scenario, run),
    localSteps(scenario, run),
  ];
  return families
    .flatMap((family) => bestOf(family, now))
    .filter(({ gain }) => gain >= smallestGain)
    .sort((a, b) => b.gain - a.gain);
}

/** The first flag that has nine tenths of the gain of the best of its kind: the rest would change more than they help. */
function bestOf(family: Family, now: StepPrediction): Advice[] {
  const advice = family.map(({ flag, cost, scenario }) => {
    const prediction = predictStep(scenario);
    return { flag, cost, prediction, gain: prediction.imagesPerSecond / now.imagesPerSecond };
  });
  const most = Math.max(...advice.map(({ gain }) => gain));
  return advice.filter(({ gain }) => gain >= enoughOfBest * most).slice(0, 1);
}

const withWork = (scenario: Scenario, change: Partial<Scenario["work"]>): Scenario => ({
  ...scenario,
  work: { ...scenario.work, ...change },
});

function onTheWire(rounded: Scenario | null): Family {
  if (rounded === null) return [];
  const cost = "gradients and weights are rounded on the way";
  return [{ flag: "--wire bfloat16", cost, scenario: rounded }];
}

/** Up to the cores that the coordinator's machine has, a slice of at least one chunk each; a stream for each slice. */
function moreReducers(scenario: Scenario): Family {
  const { cluster, work } = scenario;
  const cores = Math.floor(cluster.coordinatorCores ?? cluster.cores);
  const most = Math.min(cores, Math.ceil(vectorBytes(work) / limits.chunkBytes), 16);
  return [2, 4, 8, 16]
    .filter((reducers) => reducers > cluster.reducers && reducers <= most)
    .map((reducers) => ({
      flag: `--reducers ${reducers}`,
      cost: "",
      scenario: {
        ...scenario,
        cluster: { ...cluster, reducers, link: withStreams(cluster.link, reducers / cluster.reducers) },
      },
    }));
}

const withStreams = (link: Link, factor: number): Link => ({
  ...link,
  upBytesPerSecond: link.upBytesPerSecond * factor,
  downBytesPerSecond: link.downBytesPerSecond * factor,
});

/** More lanes of the same micro-batch: more workers compute, and each computes longer between two exchanges. */
function largerBatches(scenario: Scenario, { batchSize, accumulation }: RunShape): Family {
  const { lanes, images } = scenario.work;
  return factors.map((factor) => ({
    flag: flagsFor(batchSize * factor, accumulation, lanes * factor),
    cost: "fewer, larger steps per epoch",
    scenario: withWork(scenario, { lanes: lanes * factor, images: images * factor }),
  }));
}

const factors = [2, 4, 8, largestFactor];

/** Names `--lanes` where the batch size alone would give another number. */
function flagsFor(batchSize: number, accumulation: number, lanes: number): string {
  const batch = `--batch-size ${batchSize}`;
  return chooseLanes(batchSize, accumulation) === lanes ? batch : `${batch} --lanes ${lanes}`;
}

/** The same lanes with more engine calls between two exchanges. */
const withCalls = (scenario: Scenario, factor: number): Scenario =>
  withWork(scenario, {
    callsPerLane: scenario.work.callsPerLane * factor,
    images: scenario.work.images * factor,
  });

function accumulate(scenario: Scenario, { batchSize, accumulation }: RunShape): Family {
  return [2, 4, 8].map((factor) => ({
    flag: `--accumulate ${accumulation * factor} ${flagsFor(batchSize * factor, accumulation * factor, scenario.work.lanes)}`,
    cost: "fewer, larger steps per epoch",
    scenario: withCalls(scenario, factor),
  }));
}

function localSteps(scenario: Scenario, run: RunShape): Family {
  if (run.localSteps !== null) return [];
  return [2, 4, 8].map((steps) => ({
    flag: `--local-steps ${steps}`,
    cost: "each lane goes its own way between two exchanges",
    scenario: withCalls(scenario, steps),
  }));
}
