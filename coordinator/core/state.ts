/**
 * Every state of a run's coordinator. Values only: no clock, no sockets. States are never changed in place;
 * a transition makes new ones.
 */
import type { WireFingerprint } from "../../shared/grpc/control-messages.js";
import type { Epoch, Generation, Step } from "../../shared/ids.js";
import type { ModelLayout } from "../../shared/layout.js";
import type { MovingStatistics } from "../../shared/statistics.js";
import type { OptimizerState } from "../optimizers/registry.js";
import type { EpochMemory, EpochRow } from "./epoch.js";
import type { Exclusion } from "./exclusion.js";
import type { RunDimensions } from "./run-dimensions.js";
import type { LaneTimes, StepTiming } from "./timing.js";
import type {
  Audit,
  BlockState,
  Doubt,
  LanePlacement,
  LaneState,
  Share,
  SliceReport,
  Undrawn,
} from "./work.js";

/** A worker that holds a stream. One that lost it is not in the state at all. */
export interface WorkerState {
  readonly id: string;
  /** Join order: the tie-break of every distribution. */
  readonly order: number;
  readonly host: string;
  readonly fingerprint: WireFingerprint;
  /** preparing: opens data, records graphs. ready: takes assignments. */
  readonly tag: "preparing" | "ready";
  readonly sinceMs: number;
  readonly heardMs: number;
  /** What the last heartbeat said it does. */
  readonly doing: string;
  /** Oldest first. */
  readonly shares: readonly Share[];
  /** When it last settled one: the next began then, if it was waiting. */
  readonly settledMs: number;
  /** Of its last shares, milliseconds a lane, newest last. */
  readonly laneMs: readonly number[];
  /** The step of the newest of these. */
  readonly measuredStep: number;
  /** That it prepares for long was told. */
  readonly isLateLogged: boolean;
}

/** What a checkpoint keeps besides the vectors: the run's position, in whole commits. */
export interface Progress {
  /** Weights version: committed steps, skipped ones included. */
  readonly step: Step;
  readonly epoch: Epoch;
  readonly stepInEpoch: number;
  readonly optimizer: OptimizerState;
  readonly statistics: MovingStatistics;
  /** Of the epoch so far, in commit order, float64. */
  readonly totals: { readonly lossSum: number; readonly correct: number; readonly samples: number };
  readonly memory: EpochMemory;
  readonly ledger: Ledger;
  /** In the order in which they were found. */
  readonly exclusions: readonly Exclusion[];
  /** Steps skipped in a row for values that were not finite. */
  readonly skippedInARow: number;
}

/** What a checkpoint keeps besides the vectors: all that decides how another coordinator goes on. */
export interface SavedState {
  readonly progress: Progress;
  /** Null before the first evaluation. */
  readonly evaluation: Evaluation | null;
  readonly lastEpoch: EpochRow | null;
  readonly bestCheckpoint: string | null;
  /** Why training came to its end; null before. */
  readonly endedBecause: string | null;
  readonly fingerprints: readonly WireFingerprint[];
  readonly joined: number;
  /** Of the run and of the epoch under way, without the time in which no coordinator was there. */
  readonly elapsedMs: number;
  readonly epochElapsedMs: number;
}

/** A whole checkpoint of a former coordinator, from which this one goes on. */
export interface Restored {
  readonly checkpoint: string;
  readonly layout: ModelLayout;
  readonly saved: SavedState;
  /** Samples of commits after the checkpoint that the store knows of: they are computed once more. */
  readonly redone: number;
}

/** Counts of samples over the whole run. */
export interface Ledger {
  readonly committed: number;
  readonly redone: number;
  readonly skipped: number;
  readonly excluded: number;
}

export type Decision =
  | { readonly tag: "apply"; readonly gradientNorm: number }
  | { readonly tag: "skip"; readonly reason: string };

/** The first three are for good; after the last one the run goes on, and no worker is told of an end. */
export type Outcome =
  | { readonly tag: "finished"; readonly reason: string }
  | { readonly tag: "stopped"; readonly reason: string }
  | { readonly tag: "failed"; readonly reason: string }
  | { readonly tag: "interrupted"; readonly reason: string };

/** What a checkpoint is waited for. */
export type SavingGoal =
  | { readonly tag: "train" }
  | { readonly tag: "export" }
  | { readonly tag: "end"; readonly outcome: Outcome };

export type Phase =
  /** No worker is ready yet, or the slices are not up. Entered at the start. */
  | { readonly tag: "gathering"; readonly sinceMs: number }
  /** A worker builds checkpoint 0's weights. Left when all slices hold them. */
  | {
      readonly tag: "initialising";
      readonly worker: string | null;
      readonly sinceMs: number;
      readonly isLateLogged: boolean;
      readonly loaded: readonly boolean[];
    }
  /** A former coordinator's vectors are put into the slices. Left when all hold them, to where its run stood. */
  | { readonly tag: "restoring"; readonly checkpoint: string; readonly loaded: readonly boolean[] }
  /** A checkpoint is written that the next phase rests on: checkpoint 0, or the last. */
  | {
      readonly tag: "saving";
      readonly checkpoint: string;
      readonly goal: SavingGoal;
      readonly sinceMs: number;
      /** When it is tried again after a store's outage; null while it is being written. */
      readonly retryMs: number | null;
    }
  /** Lanes are out. Left when every lane and every slice has arrived and no audit is due, by one decision. */
  | {
      readonly tag: "training";
      readonly sinceMs: number;
      /** From 0; what belongs to another attempt at the step is stale. */
      readonly attempt: number;
      /** Samples of the step by lane, without the excluded ones. */
      readonly samples: readonly number[];
      readonly lanes: readonly LaneState[];
      readonly slices: readonly (SliceReport | null)[];
      readonly audits: readonly Audit[];
      readonly undrawn: readonly Undrawn[];
      readonly doubts: readonly Doubt[];
      /** A wrong sum is in it, or a sample that is excluded by now: it is begun again before anything else. */
      readonly isTainted: boolean;
      /** When the last lane arrived: from then on the slices are waited for. */
      readonly arrivedMs: number | null;
      /** That a slice is late was told. */
      readonly isLateLogged: boolean;
    }
  /** Decided; the reducers update their slices. Left by the last of them: the commit. */
  | {
      readonly tag: "committing";
      readonly sinceMs: number;
      readonly startedMs: number;
      readonly decision: Decision;
      readonly next: Progress;
      readonly step: StepSums;
      /** Null: the step was not a usual one. */
      readonly times: LaneTimes | null;
      readonly checksums: readonly (number | null)[];
      /** That a slice is late was told. */
      readonly isLateLogged: boolean;
    }
  /** A barrier at the epoch's end, on the weights of its last commit. */
  | {
      readonly tag: "evaluating";
      readonly sinceMs: number;
      readonly blocks: readonly BlockState[];
      readonly doubts: readonly Doubt[];
      /** Workers whose lateness was told. */
      readonly lateLogged: readonly string[];
    }
  /** A worker writes the export of a checkpoint. */
  | {
      readonly tag: "exporting";
      readonly checkpoint: string;
      readonly worker: string | null;
      /** When that worker got it. */
      readonly sinceMs: number;
      readonly isLateLogged: boolean;
      /** When the first one got it. */
      readonly begunMs: number;
      /** Nobody gets it before: the store was away. */
      readonly notBeforeMs: number;
    }
  /** Curve, report and result are being written. */
  | { readonly tag: "publishing"; readonly exported: readonly string[] }
  /** Nothing more happens; late workers are told. */
  | { readonly tag: "ended"; readonly outcome: Outcome };

export type PhaseTag = Phase["tag"];
export type PhaseOf<Tag extends PhaseTag> = Extract<Phase, { readonly tag: Tag }>;

/** Sums over a step's lanes, in lane order. */
export interface StepSums {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
}

/** The last evaluation, for the report and the metrics. */
export interface Evaluation {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  /** [true class][predicted class] counts. */
  readonly confusion: readonly (readonly number[])[];
}

export interface CoreState {
  readonly dimensions: RunDimensions;
  /** False: a run to which no worker comes fails after a while. */
  readonly waitsForWorkers: boolean;
  readonly generation: Generation;
  /** Trainyard's version: workers of another major.minor are refused. */
  readonly version: string;
  readonly nowMs: number;
  readonly startedMs: number;
  readonly epochStartedMs: number;
  readonly workers: ReadonlyMap<string, WorkerState>;
  /** What this coordinator goes on from; null = the run's beginning. */
  readonly restored: Restored | null;
  /** Workers ever seen; the next one's join order. */
  readonly joined: number;
  /** Of every worker that ever got ready, each once. */
  readonly fingerprints: readonly WireFingerprint[];
  /** Known from the first ready worker on, or from the checkpoint. */
  readonly layout: ModelLayout | null;
  readonly slices:
    | { readonly tag: "none" }
    | { readonly tag: "starting" }
    | { readonly tag: "up"; readonly count: number };
  readonly progress: Progress;
  readonly phase: Phase;
  readonly evaluation: Evaluation | null;
  /** Durations of the last committed steps, for the step deadline. */
  readonly recentStepMs: readonly number[];
  /** Of the last usual steps that this coordinator committed. */
  readonly timings: readonly StepTiming[];
  /** Milliseconds a lane: of the step under way, by share; and the medians of the last committed steps. */
  readonly stepLaneMs: readonly number[];
  readonly recentLaneMs: readonly number[];
  /** Milliseconds a block of the last evaluated ones. */
  readonly recentBlockMs: readonly number[];
  /** Null until lanes are handed out for the first time. */
  readonly placement: LanePlacement | null;
  /** Decides which lanes are audited; known to no worker. */
  readonly salt: number;
  /** How often a worker's result was wrong where another's was right. */
  readonly suspicions: ReadonlyMap<string, { readonly count: number; readonly what: string }>;
  /** Workers that were drained: nothing of theirs is taken any more. */
  readonly banned: readonly string[];
  /** The last step that was not applied. */
  readonly lastSkip: { readonly step: number; readonly reason: string } | null;
  /** The newest checkpoint that is whole, of this coordinator or the one that it goes on from. */
  readonly lastCheckpoint: string | null;
  /** When, and at which step, the last checkpoint was asked for. */
  readonly savedMs: number;
  readonly savedStep: number;
  /** When it was last looked who is late. */
  readonly watchedMs: number;
  readonly bestCheckpoint: string | null;
  /** How the run shall end at its next commit. */
  readonly stopRequested: Outcome | null;
  /** Why training came to its end; null before. */
  readonly endedBecause: string | null;
  readonly checkpointsPending: number;
  /** By whom assignments failed since the last commit, newest last. */
  readonly failures: readonly string[];
  /** Since when workers can't read the store, without a commit between; null: they can. */
  readonly storeAwayMs: number | null;
  /** When a worker was last here, or it was last said that none is. */
  readonly aloneSinceMs: number;
  readonly lastEpoch: EpochRow | null;
}
