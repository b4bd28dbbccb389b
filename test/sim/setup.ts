/** What a simulated run is: its data, its spec, its machines. Everything that faults don't change. */

import type { Draws } from "../../shared/random.js";
import { RunSpec } from "../../shared/spec.js";
import { noAugmentation } from "../support/augmentation.js";
import type { DatasetShape } from "./dataset.js";

export interface Setup {
  readonly dataset: DatasetShape;
  readonly epochs: number;
  readonly optimizer: RunSpec["optimizer"];
  readonly lanes: number;
  readonly batchSize: number;
  readonly accumulation: number;
  /** Steps of SGD that a lane makes in a step; null = none, it returns a gradient. */
  readonly localSteps: number | null;
  readonly wire: RunSpec["wire"];
  readonly shuffleShards: number;
  readonly reducers: number;
  /** Parameters without a use: 4,096 and more make a second slice. */
  readonly filling: number;
  readonly keep: number;
  readonly everySteps: number | null;
  /** Share of lanes that are computed twice and compared. */
  readonly audit: number;
  readonly earlyStopping: number | null;
  readonly plateau: boolean;
  readonly exportWeights: "last" | "best";
  /** The run's own seed. */
  readonly seed: number;
  readonly workers: number;
  /** A worker that is started again has its former id. */
  readonly stableIds: boolean;
}

export const runName = "simulated";

/** The draws of the simulated world. They stay the first ones: the moments of scenarios were found with them. */
export const simulatedDraws = 1 satisfies Draws;

export function specOf(setup: Setup): RunSpec {
  return RunSpec.parse({
    format: "trainyard-run/2",
    run: runName,
    dataset: { name: "simulated", hash: "simulated" },
    classes: ["a", "b"],
    image: { height: 1, width: 1, channels: 3, resize: "nearest", colour: "srgb" },
    model: { name: "classic", dropout: 0.5, batchNormMomentum: 0.9, l2: 0 },
    optimizer: { ...setup.optimizer, learningRate: 1e-2 },
    augmentation: noAugmentation,
    epochs: setup.epochs,
    batchSize: setup.batchSize,
    lanes: setup.lanes,
    accumulation: setup.accumulation,
    localSteps: setup.localSteps === null ? null : { count: setup.localSteps, learningRate: 1 / 8 },
    wire: setup.wire,
    shuffleShards: setup.shuffleShards,
    seed: setup.seed,
    classWeights: [1, 1],
    labelSmoothing: 0,
    earlyStopping: setup.earlyStopping === null ? null : { patience: setup.earlyStopping, minDelta: 0 },
    plateau: setup.plateau ? { factor: 0.5, patience: 1, minDelta: 0, minLearningRate: 1e-6 } : null,
    exportWeights: setup.exportWeights,
    checkpoint: { keep: setup.keep, everySteps: setup.everySteps, everySeconds: 60 },
    engine: { intraOpThreads: 1, oneDnn: true },
    allowMixed: false,
    audit: setup.audit,
    maxExcluded: 1,
  });
}
