/** `result.json`: what a finished run was, for people and scripts. Published once. */

import type { WrittenCheckpoint } from "./checkpoints.js";
import type { CoreState, Outcome } from "./core/state.js";

export interface RunResult {
  readonly format: "trainyard-result/1";
  readonly run: string;
  readonly outcome: Outcome["tag"];
  readonly reason: string;
  readonly dataset: { readonly name: string; readonly hash: string };
  readonly model: string;
  readonly parameters: number;
  readonly lanes: number;
  readonly workersSeen: number;
  readonly fingerprints: readonly object[];
  /** False when workers of several fingerprints took part: then other machines may give other bits. */
  readonly sameBits: boolean;
  readonly steps: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly final: EpochSummary | null;
  readonly best: EpochSummary | null;
  readonly classes: readonly ClassResult[];
  readonly confusion: readonly (readonly number[])[];
  readonly samples: {
    readonly committed: number;
    readonly redone: number;
    readonly skipped: number;
    readonly excluded: number;
    /** Samples of finished epochs that no step accounts for; and those beyond once an epoch. */
    readonly lost: number;
    readonly repeated: number;
  };
  /** The checkpoint that was exported, and SHA-256 of its weights file. */
  readonly exported: { readonly checkpoint: string; readonly paths: readonly string[] } | null;
  readonly weightsSha256: string;
}

interface EpochSummary {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
}

interface ClassResult {
  readonly name: string;
  readonly images: number;
  readonly correct: number;
  readonly recall: number | null;
}

export function resultOf(
  state: CoreState,
  outcome: Outcome,
  exported: RunResult["exported"],
  checkpoint: WrittenCheckpoint | undefined,
): RunResult {
  const { plan, progress, layout } = state;
  const seconds = (state.nowMs - state.startedMs) / 1000;
  return {
    format: "trainyard-result/1",
    run: plan.spec.run,
    outcome: outcome.tag,
    reason: outcome.reason,
    dataset: plan.spec.dataset,
    model: plan.spec.model.name,
    parameters: layout?.parameterCount ?? 0,
    lanes: plan.spec.lanes,
    workersSeen: state.joined,
    fingerprints: state.fingerprints.map((known) => ({ ...known, ...plan.spec.engine })),
    sameBits: state.fingerprints.length <= 1,
    steps: progress.step,
    epochs: progress.epoch,
    seconds,
    imagesPerSecond: seconds > 0 ? progress.ledger.committed / seconds : 0,
    final: state.lastEpoch === null ? null : summary(state.lastEpoch),
    best: progress.memory.best === null ? null : summary(progress.memory.best),
    classes: classResults(state),
    confusion: state.evaluation?.confusion ?? [],
    samples: { ...progress.ledger, ...accountOf(state) },
    exported,
    weightsSha256: checkpoint?.weightsSha256 ?? "",
  };
}

function summary(row: NonNullable<CoreState["lastEpoch"]>): EpochSummary {
  const { epoch, loss, accuracy, validationLoss, validationAccuracy } = row;
  return { epoch, loss, accuracy, validationLoss, validationAccuracy };
}

function classResults({ plan, evaluation }: CoreState): ClassResult[] {
  return plan.spec.classes.map((name, index) => {
    const row = evaluation?.confusion[index] ?? [];
    const images = row.reduce((sum, count) => sum + count, 0);
    const correct = row[index] ?? 0;
    return { name, images, correct, recall: images > 0 ? correct / images : null };
  });
}

/** Every sample of a finished epoch must be committed, skipped or excluded, exactly once. */
function accountOf({ plan, progress }: CoreState): { lost: number; repeated: number } {
  const { committed, skipped, excluded } = progress.ledger;
  const difference =
    plan.trainingSamples * progress.epoch + progress.totals.samples - (committed + skipped + excluded);
  return { lost: Math.max(0, difference), repeated: Math.max(0, -difference) };
}
