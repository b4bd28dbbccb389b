/**
 * The state of a run's coordinator. Values only: no clock, no sockets. A state is never changed in place; a transition makes
 * a new one.
 */
import type { WireFingerprint } from "../../shared/grpc/control-messages.js";
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

/** A worker with an open control stream. A worker that lost its stream is not in the state. */
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
  /** The worker's phase in its last heartbeat. */
  readonly doing: string;
  /** Assignments that the worker has not settled, oldest first. */
  readonly shares: readonly Share[];
  /** Number of the last share that the worker got, an export included; 0: none. */
  readonly lastShare: number;
  /** When the worker last settled a share. A share that waited began then. */
  readonly settledMs: number;
  /** Milliseconds per lane of the worker's last shares, newest last. */
  readonly laneMs: readonly number[];
  /** The step of the newest entry of `laneMs`. */
  readonly measuredStep: number;
  /** True when its long preparation was logged. */
  readonly isLateLogged: boolean;
}

/** The run's position, in whole commits. A checkpoint holds it besides the vectors. */
export interface Progress {
  /** Weights version: committed steps, skipped ones included. */
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly optimizer: OptimizerState;
  readonly statistics: MovingStatistics;
  /** Sums over the committed steps of the current epoch, in commit order, float64. */
  readonly totals: { readonly lossSum: number; readonly correct: number; readonly samples: number };
  readonly memory: EpochMemory;
  readonly ledger: Ledger;
  /** Excluded samples, in the order in which they were found. */
  readonly exclusions: readonly Exclusion[];
  /** Steps skipped in a row for values that were not finite. */
  readonly skippedInARow: number;
}

/** All that a checkpoint holds besides the vectors: enough for another coordinator to go on alike. */
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
  /** Milliseconds of the run and of the current epoch, without the time in which no coordinator was running. */
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

/** How a run ended. An interrupted run goes on later, and its workers hear of no end. The other outcomes are final. */
export type Outcome =
  | { readonly tag: "finished"; readonly reason: string }
  | { readonly tag: "stopped"; readonly reason: string }
  | { readonly tag: "failed"; readonly reason: string }
  | { readonly tag: "interrupted"; readonly reason: string };

/** What happens once the awaited checkpoint is whole. */
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
      /** How often a worker was cut off for building them too long. */
      readonly cuts: number;
      readonly isLateLogged: boolean;
      readonly loaded: readonly boolean[];
    }
  /** A former coordinator's vectors are put into the slices. Left when all hold them, to where its run stood. */
  | {
      readonly tag: "restoring";
      readonly checkpoint: string;
      readonly loaded: readonly boolean[];
      readonly sinceMs: number;
    }
  /** A checkpoint is written that the next phase rests on: checkpoint 0, or the last. */
  | {
      readonly tag: "saving";
      readonly checkpoint: string;
      readonly goal: SavingGoal;
      readonly sinceMs: number;
      /** When writing is tried again after an outage of the store; null while the checkpoint is being written. */
      readonly retryMs: number | null;
      /** Why the checkpoint was not written the last time; null: it was not tried yet. */
      readonly failure: string | null;
    }
  /** Lanes are out. Left when every lane and every slice has arrived and no audit is due, by one decision. */
  | {
      readonly tag: "training";
      readonly sinceMs: number;
      /** Number of the attempt at this step, from 0. Messages of another attempt are stale. */
      readonly attempt: number;
      /** Samples of each lane in this step, without the excluded ones. */
      readonly samples: readonly number[];
      readonly lanes: readonly LaneState[];
      readonly slices: readonly (SliceReport | null)[];
      readonly audits: readonly Audit[];
      readonly undrawn: readonly Undrawn[];
      readonly doubts: readonly Doubt[];
      /** True when the step contains a wrong sum or an excluded sample: it is begun again before anything else happens. */
      readonly isTainted: boolean;
      /** How often the worker of each lane was cut off for taking too long, in all attempts at the step. */
      readonly cuts: readonly number[];
      /** When the last lane arrived; from then on the run waits for the slices. Null before. */
      readonly arrivedMs: number | null;
      /** True when a slice was logged as late. */
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
      /** Times of the step's lanes; null when the step was not a usual one. */
      readonly times: LaneTimes | null;
      readonly checksums: readonly (number | null)[];
      /** True when a slice was logged as late. */
      readonly isLateLogged: boolean;
    }
  /** A barrier at the epoch's end, on the weights of its last commit. */
  | {
      readonly tag: "evaluating";
      readonly sinceMs: number;
      readonly blocks: readonly BlockState[];
      readonly doubts: readonly Doubt[];
      /** How often the worker of each block was cut off for taking too long. */
      readonly cuts: readonly number[];
      /** Workers that were logged as late in this evaluation. */
      readonly lateLogged: readonly string[];
    }
  /** A worker writes the export of a checkpoint. */
  | {
      readonly tag: "exporting";
      readonly checkpoint: string;
      readonly worker: string | null;
      /** When the current worker got the export. */
      readonly sinceMs: number;
      readonly isLateLogged: boolean;
      /** Number of the current worker's share, and its files that are in the store. */
      readonly share: number;
      readonly done: number;
      /** When the current worker's last file was stored, or when it got the export. */
      readonly progressMs: number;
      /** How often a worker was cut off for taking too long. */
      readonly cuts: number;
      /** An outage of the store, until the export is handed out again; null: there is none. */
      readonly outage: ExportOutage | null;
    }
  /** Curve, report and result are being written. */
  | {
      readonly tag: "publishing";
      readonly exported: readonly string[];
      readonly sinceMs: number;
      /** Why the result was not written the last time; null: it was not tried yet. */
      readonly failure: string | null;
    }
  /** Nothing more happens. Workers that come are told the outcome. */
  | { readonly tag: "ended"; readonly outcome: Outcome };

/** The store did not answer the worker that exports. */
export interface ExportOutage {
  /** When the first of these outages in a row began. */
  readonly sinceMs: number;
  /** When the export is handed out again; null: a worker has it. */
  readonly retryMs: number | null;
  readonly message: string;
}

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
  /** Not finite when the model's predictions are not. */
  readonly loss: number;
  /** Null where the loss is not finite: such a model predicts nothing. */
  readonly accuracy: number | null;
  /** [true class][predicted class] counts; empty where the loss is not finite. */
  readonly confusion: readonly (readonly number[])[];
}

/** What this coordinator was started with. It never changes. */
export interface RunFacts {
  readonly dimensions: RunDimensions;
  /** True: the run waits for workers without a limit. False: it fails when no worker comes for `limits.noWorkersMs`. */
  readonly waitsForWorkers: boolean;
  readonly generation: number;
  /** Trainyard's version: workers of another major.minor are refused. */
  readonly version: string;
  /** The checkpoint from which this coordinator goes on; null = the run begins. */
  readonly restored: Restored | null;
  /** Decides which lanes are audited; known to no worker. */
  readonly salt: number;
}

/** What a coordinator must know to begin; the rest of `RunFacts` has defaults. */
export type RunStart = Pick<RunFacts, "dimensions" | "generation" | "version"> & Partial<RunFacts>;

/** Times of the coordinator's clock, in milliseconds. */
export interface CoreClock {
  /** The time for which the coordinator has run. It stands still while the coordinator does (liveness/pauses.ts). */
  readonly nowMs: number;
  /** The shell's clock at the last tick; null before the first. */
  readonly tickedMs: number | null;
  readonly startedMs: number;
  readonly epochStartedMs: number;
  /** When the waits were last looked at. */
  readonly watchedMs: number;
}

/** What the run remembers of workers, whether they are present or not. */
export interface Membership {
  /** Number of workers that ever joined; also the join order of the next one. */
  readonly joined: number;
  /** Engine fingerprints of all workers that ever got ready, without repeats. */
  readonly fingerprints: readonly WireFingerprint[];
  /** How often a worker's result was wrong where another's was right. */
  readonly suspicions: ReadonlyMap<string, { readonly count: number; readonly what: string }>;
  /** Workers that were drained as wrong. Their messages are dropped. */
  readonly banned: readonly string[];
  /** Workers whose assignments failed since the last commit, newest last. */
  readonly failures: readonly string[];
  /** When a worker was last present, or when their absence was last logged. */
  readonly aloneSinceMs: number;
  /** The store does not answer workers, without a commit in between; null while it does. */
  readonly storeAway: StoreAway | null;
  /** How often in a row a worker was cut off for preparing too long, without another that got ready. */
  readonly preparationCuts: number;
}

/** An outage of the store that workers meet. */
export interface StoreAway {
  readonly sinceMs: number;
  /** True: it has lasted too long. From now on an assignment that fails for it is a failure of its worker. */
  readonly isOver: boolean;
}

/** The model's layout and the slices that hold its vectors. */
export interface ModelSlices {
  /** From the first ready worker, or from the checkpoint. Null before. */
  readonly layout: ModelLayout | null;
  readonly slices:
    | { readonly tag: "none" }
    | { readonly tag: "starting"; readonly sinceMs: number }
    | { readonly tag: "up"; readonly count: number };
}

/** Durations that were measured lately. Deadlines, lateness and the placement of lanes follow from them. */
export interface MeasuredTimes {
  /** Milliseconds of the last committed steps, for the step deadline. */
  readonly recentStepMs: readonly number[];
  /** Timings of the last usual steps that this coordinator committed. */
  readonly timings: readonly StepTiming[];
  /** Milliseconds per lane of each share settled in the current step. */
  readonly stepLaneMs: readonly number[];
  /** Median milliseconds per lane of the last committed steps. */
  readonly recentLaneMs: readonly number[];
  /** Milliseconds of the last evaluated blocks. */
  readonly recentBlockMs: readonly number[];
}

/** The run's checkpoints: which are whole, and what was asked for last. */
export interface CheckpointState {
  /** The newest whole checkpoint: this coordinator's, or the one from which it goes on. */
  readonly last: string | null;
  readonly best: string | null;
  /** The step after which the newest whole checkpoint was taken; null = there is none. */
  readonly lastStep: number | null;
  /** When the newest whole checkpoint was taken, or the run began: later work is in none. */
  readonly lastMs: number;
  /** Why the newest attempts failed, and since when they do; null = the newest checkpoint was written. */
  readonly failure: { readonly message: string; readonly sinceMs: number } | null;
  /** When the last checkpoint was requested. */
  readonly requestedMs: number;
  /** The step at which the last checkpoint was requested. */
  readonly requestedStep: number;
  /** True: `checkpoint.everySeconds` have passed since the last request, so the next commit asks for a checkpoint. */
  readonly isDue: boolean;
  /** Checkpoints that were requested and are being written. */
  readonly pending: number;
}

/** The newest results that status and report show. */
export interface Results {
  /** The last evaluation; null before the first. */
  readonly evaluation: Evaluation | null;
  readonly lastEpoch: EpochRow | null;
  /** The last step that was not applied. */
  readonly lastSkip: { readonly step: number; readonly reason: string } | null;
}

/** Why and how the run comes to its end. */
export interface Ending {
  /** The outcome with which the run shall end at its next commit; null = it goes on. */
  readonly stopRequested: Outcome | null;
  /** Why training came to its end; null before. */
  readonly endedBecause: string | null;
}

export interface CoreState {
  readonly run: RunFacts;
  readonly clock: CoreClock;
  readonly progress: Progress;
  readonly phase: Phase;
  /** Workers with an open control stream, by id. */
  readonly workers: ReadonlyMap<string, WorkerState>;
  readonly membership: Membership;
  readonly model: ModelSlices;
  /** Placement of lanes on workers; null until lanes are handed out for the first time. */
  readonly placement: LanePlacement | null;
  readonly measured: MeasuredTimes;
  readonly checkpoints: CheckpointState;
  readonly results: Results;
  readonly ending: Ending;
}

/** Names of the parts of the state that `Turn.change` changes value by value. */
export type StatePart =
  | "run"
  | "clock"
  | "membership"
  | "model"
  | "measured"
  | "checkpoints"
  | "results"
  | "ending";
