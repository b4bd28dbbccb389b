/**
 * Samples that can't be read any more (docs/design/store-and-fencing.md). A worker never leaves a sample out by itself. It
 * reports a sample that it read twice without success, a second worker tries, and a sample that neither can read is excluded
 * from this step on, for all workers. One machine that reads wrong data changes no result; it becomes a suspect.
 */
import { laneOf } from "../../dataset/lane-samples.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { limits } from "../../shared/limits.js";
import { type EvaluatingPhase, handOutBlocks } from "./evaluation.js";
import type { Exclusion } from "./exclusion.js";
import { handOutLanes, type TrainingPhase } from "./lane-assignment.js";
import { changeShare } from "./liveness/speed.js";
import { end } from "./phases/ended.js";
import type { Turn } from "./turn.js";
import {
  type BlockState,
  type Doubt,
  isHeldBy,
  type LaneState,
  type Refusal,
  refusalsOf,
  refusedBy,
  releasedBy,
  type Share,
} from "./work.js";

type Damaged = Extract<WorkerBody, { kind: "damaged" }>;

/** A worker can't read training samples of lanes that it holds. */
export function takeDamagedLanes(turn: Turn, phase: TrainingPhase, worker: string, report: Damaged): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const damaged = { ...report, samples: [...new Set(report.samples)] };
  const { step } = progress;
  if (damaged.step !== step) return turn.drop(worker, "stale step");
  if (damaged.split !== "train") return turn.drop(worker, "misplaced");
  if (damaged.attempt !== phase.attempt) return turn.drop(worker, "stale attempt");
  const laneOfSample = (sample: number) =>
    sample < dimensions.trainingSamples
      ? laneOf(sample, dimensions.spec.lanes, dimensions.trainingSamples)
      : -1;
  const isInWork = (share: Share) =>
    share.step === step &&
    share.attempt === phase.attempt &&
    damaged.samples.some((sample) => share.lanes.includes(laneOfSample(sample)));
  const inWork = turn.state.workers.get(worker)?.shares.find(isInWork);
  changeShare(turn, worker, isInWork, () => ({ isExcused: true }));
  // The samples of an audit are another worker's: what that one could read is no reason to leave them out.
  if (inWork?.kind === "audit") return tell(turn, worker, damaged);
  const owned = (sample: number) => {
    const lane = laneOfSample(sample);
    return isHeldBy(phase.lanes[lane], worker) ? lane : -1;
  };
  const samples = damaged.samples.filter((sample) => owned(sample) >= 0);
  if (samples.length === 0) return turn.drop(worker, "misplaced");
  tell(turn, worker, damaged);
  const refused = new Set(samples.map(owned));
  const lanes = phase.lanes.map(
    (lane, index): LaneState => (refused.has(index) ? refuseOnce(lane, worker) : lane),
  );
  const doubts = [...phase.doubts, ...samples.map((sample) => ({ sample, worker }))];
  turn.update("training", { lanes, doubts });
  const refusals = (sample: number) =>
    refusalsOf(lanes[laneOf(sample, dimensions.spec.lanes, dimensions.trainingSamples)]);
  const certain = samples.filter((sample) => isCertain(turn, sample, doubts, refusals(sample)));
  if (certain.length === 0) return handOutLanes(turn);
  exclude(turn, { ...damaged, samples: certain });
  if (turn.isIn("training")) turn.update("training", { isTainted: true });
}

/** A worker can't read validation samples of blocks that it holds. */
export function takeDamagedBlocks(turn: Turn, phase: EvaluatingPhase, worker: string, report: Damaged): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const damaged = { ...report, samples: [...new Set(report.samples)] };
  if (damaged.step !== progress.step) return turn.drop(worker, "stale step");
  if (damaged.split !== "validation") return turn.drop(worker, "misplaced");
  const blockOf = (sample: number) => Math.floor(sample / limits.evaluationBlock);
  const samples = damaged.samples.filter(
    (sample) =>
      sample < dimensions.validationLabels.length && isHeldBy(phase.blocks[blockOf(sample)], worker),
  );
  if (samples.length === 0) return turn.drop(worker, "misplaced");
  tell(turn, worker, damaged);
  const refused = new Set(samples.map(blockOf));
  const blocks = phase.blocks.map(
    (block, index): BlockState => (refused.has(index) ? refusedBy(block, { worker, why: "damaged" }) : block),
  );
  const doubts = [...phase.doubts, ...samples.map((sample) => ({ sample, worker }))];
  turn.update("evaluating", { blocks, doubts });
  const refusals = (sample: number) => refusalsOf(blocks[blockOf(sample)]);
  const certain = samples.filter((sample) => isCertain(turn, sample, doubts, refusals(sample)));
  if (certain.length > 0) exclude(turn, { ...damaged, samples: certain });
  if (!turn.isIn("evaluating")) return;
  reopenBlocksOf(turn, certain.map(blockOf));
  handOutBlocks(turn);
}

/** The blocks are computed again: results that are under way count a sample that is excluded by now. */
function reopenBlocksOf(turn: Turn, indices: readonly number[]): void {
  const blocks = turn
    .in("evaluating")
    .blocks.map(
      (block, index): BlockState => (indices.includes(index) ? { tag: "open", refusals: [] } : block),
    );
  turn.update("evaluating", { blocks });
}

/** A worker that could not compute the lane before is not held to have failed twice. */
const refuseOnce = (lane: LaneState, worker: string): LaneState =>
  refusalsOf(lane).some((known) => known.worker === worker)
    ? releasedBy(lane, worker)
    : refusedBy(lane, { worker, why: "damaged" });

/** True when two workers could not read the samples, or when no other worker is left to try. */
function isCertain(
  turn: Turn,
  sample: number,
  doubts: readonly Doubt[],
  refusals: readonly Refusal[],
): boolean {
  const reporters = new Set(doubts.filter((doubt) => doubt.sample === sample).map(({ worker }) => worker));
  const isAnybodyLeft = turn.ready.some(({ id }) => !refusals.some((refusal) => refusal.worker === id));
  return reporters.size >= 2 || !isAnybodyLeft;
}

function tell(turn: Turn, worker: string, { samples, key, split, reason }: Damaged): void {
  turn.log("warn", `worker ${worker} can't read ${key}: ${reason}`, {
    worker,
    key,
    split,
    samples: samples.join(","),
  });
}

/** Excludes the samples from this step on, for good. Fails the run when too many are excluded: then the data set is at fault. */
function exclude(turn: Turn, { split, samples, key, reason }: Damaged): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const { step } = progress;
  const known = new Set(progress.exclusions.filter((one) => one.split === split).map(({ sample }) => sample));
  const added = samples.filter((sample) => !known.has(sample));
  const exclusions = added.map((sample): Exclusion => ({ split, sample, step, key, reason }));
  turn.advance({ exclusions: [...progress.exclusions, ...exclusions] });
  turn.do({ tag: "excluded", exclusions });
  const total = split === "train" ? dimensions.trainingSamples : dimensions.validationLabels.length;
  const lost = known.size + added.length;
  const what = `${lost} of ${total} ${split === "train" ? "training" : "validation"} images of the data set ${dimensions.spec.dataset.name}`;
  turn.log("error", `samples ${added.join(", ")} (${split}) are left out from step ${step} on: ${reason}`, {
    step,
    key,
    split,
    samples: added.join(","),
  });
  if (lost <= allowed(dimensions.spec.maxExcluded, total) && lost < total) return;
  end(turn, {
    tag: "failed",
    reason: `${what} can't be read any more, at last: ${reason}. Import it again, or allow more with --max-excluded`,
  });
}

/** Samples that may be excluded: at least one, unless the share is 0. */
const allowed = (share: number, total: number) => (share === 0 ? 0 : Math.max(1, Math.floor(share * total)));
