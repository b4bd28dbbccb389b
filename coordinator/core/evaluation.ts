/**
 * The evaluation at the end of an epoch, a barrier (docs/design/mathematics-of-a-lane.md): ready workers predict fixed
 * blocks of the validation split on the last commit's weights. Block sums are added in block order, so the result does not
 * depend on which worker predicted a block.
 */

import { evaluationBlock } from "../../dataset/sample-order.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { publishStatistics } from "../../shared/statistics.js";
import { heldBy } from "./distribution.js";
import { excludedOf } from "./exclusion.js";
import { invariant } from "./invariants.js";
import { laneMsOf, typicalLaneMs } from "./liveness/speed.js";
import { isCredibleSum } from "./plausible-values.js";
import type { CoreState, Evaluation, PhaseOf, WorkerState } from "./state.js";
import { suspect } from "./suspicion.js";
import type { Turn } from "./turn.js";
import { type BlockState, heldAlso, isHeldBy, refusalsOf, refusedBy, releasedBy } from "./work.js";

type BlockResult = Extract<WorkerBody, { kind: "blockResult" }>;
export type EvaluatingPhase = PhaseOf<"evaluating">;

/** Blocks that one worker holds at most: enough to keep it busy, few enough to lose. */
const blocksInHand = 4;
/** One that takes so many times the typical time for a lane holds a single block. */
const slowFrom = 2;
/** Blocks by which the typical time is judged. */
const recentBlocks = 20;

export function beginEvaluation(turn: Turn): void {
  const blocks = Array.from(
    { length: turn.state.run.dimensions.blocks },
    (): BlockState => ({ tag: "open", refusals: [] }),
  );
  const cuts = blocks.map(() => 0);
  turn.enter({ tag: "evaluating", sinceMs: turn.nowMs, blocks, doubts: [], cuts, lateLogged: [] });
  handOutBlocks(turn);
}

/** Gives open blocks to workers with room for more. A block that a worker could not read goes to another one, if there is one. */
export function handOutBlocks(turn: Turn): void {
  const phase = turn.in("evaluating");
  const open = phase.blocks.flatMap((block, index) => (block.tag === "open" ? [index] : []));
  const workers = turn.ready;
  if (open.length === 0 || workers.length === 0) return;
  const fresh = open.filter((index) => refusalsOf(phase.blocks[index]).length === 0);
  const given = sharesInHand(fresh, workers, heldBy(phase.blocks), handsOf(turn.state));
  for (const index of open.filter((block) => !fresh.includes(block))) {
    const refusers = refusalsOf(phase.blocks[index]).map((refusal) => refusal.worker);
    const worker = workers.find(({ id }) => !refusers.includes(id)) ?? workers[0];
    if (worker !== undefined) given.set(worker.id, [...(given.get(worker.id) ?? []), index]);
  }
  giveBlocks(turn, given);
}

const handsOf = (state: CoreState) => {
  const typical = typicalLaneMs(state) ?? Number.POSITIVE_INFINITY;
  return (worker: WorkerState) => ((laneMsOf(worker) ?? 0) > slowFrom * typical ? 1 : blocksInHand);
};

/** The workers hold these blocks from now on, beside those who have them already, and are told. */
export function giveBlocks(turn: Turn, given: ReadonlyMap<string, readonly number[]>): void {
  const { nowMs } = turn;
  const { layout } = turn.state.model;
  const { progress } = turn.state;
  if (given.size === 0) return;
  invariant(layout !== null, "an evaluation without a layout");
  const blocks = [...turn.in("evaluating").blocks];
  for (const [worker, share] of given) {
    for (const index of share) blocks[index] = heldAlso(blocks[index], { worker, sinceMs: nowMs });
  }
  turn.update("evaluating", { blocks });
  const statistics = bytesOf(publishStatistics(layout, progress.statistics));
  const excluded = excludedOf(progress.exclusions, "validation");
  for (const [worker, share] of given) {
    turn.send(worker, { kind: "evaluate", step: progress.step, blocks: [...share], statistics, excluded });
  }
}

/** Each block in turn to the first of the least loaded workers, until all have their hands full. */
function sharesInHand(
  open: readonly number[],
  workers: readonly WorkerState[],
  held: ReadonlyMap<string, number>,
  hands: (worker: WorkerState) => number,
): Map<string, number[]> {
  const given = new Map<string, number[]>();
  const inHand = (id: string) => (held.get(id) ?? 0) + (given.get(id)?.length ?? 0);
  let next = 0;
  for (let level = 0; level < blocksInHand; level += 1) {
    for (const worker of workers) {
      const block = open[next];
      if (block === undefined) return given;
      if (inHand(worker.id) !== level || level >= hands(worker)) continue;
      given.set(worker.id, [...(given.get(worker.id) ?? []), block]);
      next += 1;
    }
  }
  return given;
}

export function reopenBlocks(turn: Turn, worker: string): void {
  const blocks = turn.in("evaluating").blocks.map((block): BlockState => releasedBy(block, worker));
  turn.update("evaluating", { blocks });
  handOutBlocks(turn);
}

/** The first whole result of a block counts, from whichever of its holders. */
export function takeBlock(turn: Turn, phase: EvaluatingPhase, worker: string, result: BlockResult): void {
  const { progress } = turn.state;
  const { dimensions } = turn.state.run;
  if (result.step !== progress.step) return turn.drop(worker, "stale step");
  const block = phase.blocks[result.block];
  if (block === undefined) return turn.drop(worker, "unknown block");
  if (block.tag === "done") return turn.drop(worker, "duplicate");
  const excluded = new Set(excludedOf(progress.exclusions, "validation"));
  const samples = evaluationBlock(result.block, dimensions.validationLabels.length, excluded);
  if (result.predicted.length !== samples.length || !isPrediction(dimensions.spec.classes.length, result)) {
    return turn.drop(worker, "wrong sample count");
  }
  const refusals = refusalsOf(block);
  // As of a lane: a result that comes again must not count as the second opinion on itself.
  if (!isHeldBy(block, worker)) return turn.drop(worker, "not asked");
  const isCredible = isCredibleSum(result.lossSum, samples.length);
  if (!isCredible && !refusals.some(({ why }) => why === "not finite")) {
    return doubtLoss(turn, worker, result.block);
  }
  for (const { worker: refuser, why } of refusals) {
    const isWrong = refuser !== worker && (why === "damaged" || isCredible);
    if (isWrong) suspect(turn, refuser, `block ${result.block} is ${why} there and fine on ${worker}`);
  }
  measureBlock(turn, worker, block);
  const done: BlockState = { tag: "done", lossSum: result.lossSum, predicted: result.predicted };
  turn.update("evaluating", { blocks: phase.blocks.with(result.block, done) });
  handOutBlocks(turn);
}

/** A loss that is not finite is believed when a second computation says so too, on another machine if there is one. */
function doubtLoss(turn: Turn, worker: string, index: number): void {
  turn.log("warn", `worker ${worker} returned a loss that is not finite for evaluation block ${index}`, {
    worker,
  });
  const blocks = turn
    .in("evaluating")
    .blocks.map((block, at) => (at === index ? refusedBy(block, { worker, why: "not finite" }) : block));
  turn.update("evaluating", { blocks });
  handOutBlocks(turn);
}

/** Measures the time of a block: since it was handed out, or since the worker's previous result. */
function measureBlock(turn: Turn, id: string, block: BlockState): void {
  const { nowMs } = turn;
  const { recentBlockMs } = turn.state.measured;
  const { workers } = turn.state;
  const worker = workers.get(id);
  const holder =
    block.tag === "assigned" ? block.holders.find((candidate) => candidate.worker === id) : undefined;
  if (worker === undefined || holder === undefined) return;
  const blockMs = nowMs - Math.max(holder.sinceMs, worker.settledMs);
  turn.worker(id, { settledMs: nowMs });
  turn.change("measured", { recentBlockMs: [...recentBlockMs, blockMs].slice(-recentBlocks) });
}

/** The evaluation once every block is done; null before. */
export function evaluationIfDone(state: CoreState, { blocks }: EvaluatingPhase): Evaluation | null {
  return blocks.every((block) => block.tag === "done") ? summarise(state, blocks) : null;
}

const isPrediction = (classes: number, result: BlockResult) =>
  result.predicted.every((predicted) => predicted < classes);

function summarise(state: CoreState, blocks: readonly BlockState[]): Evaluation {
  const { dimensions } = state.run;
  const { progress } = state;
  const confusion = dimensions.spec.classes.map(() => dimensions.spec.classes.map(() => 0));
  const excluded = new Set(excludedOf(progress.exclusions, "validation"));
  let lossSum = 0;
  let correct = 0;
  blocks.forEach((block, index) => {
    if (block.tag !== "done") return;
    lossSum += block.lossSum;
    const samples = evaluationBlock(index, dimensions.validationLabels.length, excluded);
    block.predicted.forEach((predicted, offset) => {
      const label = dimensions.validationLabels[samples[offset] as number] as number;
      const row = confusion[label] as number[];
      row[predicted] = (row[predicted] ?? 0) + 1;
      correct += Number(predicted === label);
    });
  });
  const samples = dimensions.validationLabels.length - excluded.size;
  const loss = lossSum / samples;
  if (!Number.isFinite(loss)) return { epoch: progress.epoch, loss, accuracy: null, confusion: [] };
  return { epoch: progress.epoch, loss, accuracy: correct / samples, confusion };
}
