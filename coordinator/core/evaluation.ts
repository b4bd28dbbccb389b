/**
 * The barrier at an epoch's end (DESIGN 5.7): fixed blocks of the validation split are predicted by whoever is
 * ready, on the last commit's weights; block sums are added in block order, so nothing depends on who did it.
 */
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { limits } from "../../shared/limits.js";
import { publishStatistics } from "../../shared/statistics.js";
import { heldBy } from "./distribution.js";
import { blockRange } from "./plan.js";
import type { BlockState, CoreState, Evaluation, WorkerState } from "./state.js";
import type { Turn } from "./turn.js";

type BlockResult = Extract<WorkerBody, { kind: "blockResult" }>;

/** Blocks that one worker holds at most: enough to keep it busy, few enough to lose. */
const blocksInHand = 4;

export function beginEvaluation(turn: Turn): void {
  const blocks: BlockState[] = Array.from({ length: turn.state.plan.blocks }, () => ({ tag: "open" }));
  turn.enter({ tag: "evaluating", sinceMs: turn.state.nowMs, blocks });
  handOutBlocks(turn);
}

export function handOutBlocks(turn: Turn): void {
  const { phase, nowMs, layout, progress } = turn.state;
  if (phase.tag !== "evaluating" || layout === null) return;
  const open = phase.blocks.flatMap((block, index) => (block.tag === "open" ? [index] : []));
  if (open.length === 0) return;
  const given = sharesInHand(open, turn.ready, heldBy(phase.blocks));
  if (given.size === 0) return;
  const blocks = [...phase.blocks];
  for (const [worker, share] of given) {
    for (const index of share) blocks[index] = { tag: "assigned", worker, sinceMs: nowMs };
  }
  turn.enter({ ...phase, blocks });
  const statistics = bytesOf(publishStatistics(layout, progress.statistics));
  for (const [worker, share] of given) {
    turn.send(worker, { kind: "evaluate", step: progress.step, blocks: share, statistics, excluded: [] });
  }
}

/** Each block in turn to the first of the least loaded workers, until all have their hands full. */
function sharesInHand(
  open: readonly number[],
  workers: readonly WorkerState[],
  held: ReadonlyMap<string, number>,
): Map<string, number[]> {
  const given = new Map<string, number[]>();
  const inHand = (id: string) => (held.get(id) ?? 0) + (given.get(id)?.length ?? 0);
  let next = 0;
  for (let level = 0; level < blocksInHand; level += 1) {
    for (const { id } of workers) {
      const block = open[next];
      if (block === undefined) return given;
      if (inHand(id) !== level) continue;
      given.set(id, [...(given.get(id) ?? []), block]);
      next += 1;
    }
  }
  return given;
}

export function reopenBlocks(turn: Turn, worker: string): void {
  const { phase } = turn.state;
  if (phase.tag !== "evaluating") return;
  const blocks = phase.blocks.map(
    (block): BlockState => (block.tag === "assigned" && block.worker === worker ? { tag: "open" } : block),
  );
  turn.enter({ ...phase, blocks });
  handOutBlocks(turn);
}

/** Returns the evaluation when this was the last block. */
export function takeBlock(turn: Turn, worker: string, result: BlockResult): Evaluation | null {
  const { phase, progress, plan } = turn.state;
  if (phase.tag !== "evaluating" || result.step !== progress.step) return stale(turn, worker, "stale step");
  const block = phase.blocks[result.block];
  if (block === undefined) return stale(turn, worker, "unknown block");
  if (block.tag === "done") return stale(turn, worker, "duplicate");
  const range = blockRange(plan, result.block);
  if (
    result.predicted.length !== range.end - range.begin ||
    !isPrediction(plan.spec.classes.length, result)
  ) {
    return stale(turn, worker, "wrong sample count");
  }
  const blocks = [...phase.blocks];
  blocks[result.block] = { tag: "done", lossSum: result.lossSum, predicted: result.predicted };
  turn.enter({ ...phase, blocks });
  handOutBlocks(turn);
  return blocks.every((entry) => entry.tag === "done") ? summarise(turn.state, blocks) : null;
}

function stale(turn: Turn, worker: string, reason: string): null {
  turn.drop(worker, reason);
  return null;
}

const isPrediction = (classes: number, result: BlockResult) =>
  Number.isFinite(result.lossSum) && result.predicted.every((predicted) => predicted < classes);

function summarise(state: CoreState, blocks: readonly BlockState[]): Evaluation {
  const { plan, progress } = state;
  const confusion = plan.spec.classes.map(() => plan.spec.classes.map(() => 0));
  let lossSum = 0;
  let correct = 0;
  blocks.forEach((block, index) => {
    if (block.tag !== "done") return;
    lossSum += block.lossSum;
    const { begin } = blockRange(plan, index);
    block.predicted.forEach((predicted, offset) => {
      const label = plan.validationLabels[begin + offset] as number;
      const row = confusion[label] as number[];
      row[predicted] = (row[predicted] ?? 0) + 1;
      correct += Number(predicted === label);
    });
  });
  const samples = plan.validationLabels.length;
  return { epoch: progress.epoch, loss: lossSum / samples, accuracy: correct / samples, confusion };
}

export function lateEvaluators(state: CoreState): { id: string; reason: string }[] {
  const { phase, nowMs } = state;
  if (phase.tag !== "evaluating") return [];
  const late = new Map<string, number>();
  phase.blocks.forEach((block, index) => {
    if (block.tag === "assigned" && nowMs - block.sinceMs > limits.evaluationDeadlineMs) {
      late.set(block.worker, index);
    }
  });
  return [...late].map(([id, block]) => ({
    id,
    reason: `evaluation block ${block} is not there after ${limits.evaluationDeadlineMs / 1000} s`,
  }));
}
