/**
 * Audits: a share of the work is computed by a second worker too, and the reducers compare what both sent, whole sums,
 * before the step is decided. Where two differ a third decides, and the odd one is drained. It finds memory that flips
 * bits as well as workers that lie. It does not find two that lie alike, a lie about loss, accuracy or statistics, or a
 * lie in work that nobody drew. Which work is drawn depends on a salt that no worker knows, and is known to nobody
 * before it was handed out. Whoever is asked is not slow, as far as is known, and is cut off at the step deadline like
 * anybody else: then the audit is dropped.
 */

import { limits } from "../../shared/limits.js";
import { hashWords, Purpose } from "../../shared/random.js";
import { coverOf, type TreeNode } from "../../shared/tree.js";
import { excludedOf } from "./exclusion.js";
import { addShare, isBehind, laneMsOf, typicalLaneMs } from "./speed.js";
import type { CoreState, WorkerState } from "./state.js";
import { lanesWhere, type TrainingPhase } from "./step.js";
import { convict } from "./suspicion.js";
import type { Turn } from "./turn.js";
import type { Audit, Comparison } from "./work.js";

const isSameNode = (a: TreeNode, b: TreeNode) => a.begin === b.begin && a.end === b.end;

/** Draws from what was just handed out at the beginning of a step. */
export function drawAudits(turn: Turn): void {
  const { phase, plan, progress, generation, salt } = turn.state;
  if (phase.tag !== "training" || plan.spec.audit === 0 || turn.ready.length < 2) return;
  for (const [worker, lanes] of sharesOf(phase)) {
    const order = turn.state.workers.get(worker)?.order ?? 0;
    const draw = hashWords(salt, Purpose.audit, generation, progress.step, order) / 2 ** 32;
    if (draw >= plan.spec.audit) continue;
    const present = new Set(lanesWhere(phase.lanes, ({ tag }) => tag !== "absent"));
    for (const node of coverOf(new Set(lanes), present, plan.spec.lanes)) beginAudit(turn, worker, node);
  }
}

/** Lanes by their only holder. */
function sharesOf(phase: TrainingPhase): Map<string, number[]> {
  const shares = new Map<string, number[]>();
  phase.lanes.forEach((lane, index) => {
    const holder = lane.tag === "assigned" && lane.holders.length === 1 ? lane.holders[0] : undefined;
    if (holder === undefined) return;
    const share = shares.get(holder.worker);
    if (share === undefined) shares.set(holder.worker, [index]);
    else share.push(index);
  });
  return shares;
}

function beginAudit(turn: Turn, worker: string, node: TreeNode): void {
  const auditor = auditorFor(turn, [worker]);
  if (auditor === undefined) return;
  const { phase, nowMs } = turn.state;
  if (phase.tag !== "training") return;
  turn.do({ tag: "watch", step: turn.state.progress.step, node });
  const audit: Audit = { node, worker, auditor, third: null, comparisons: [], done: [], sinceMs: nowMs };
  turn.enter({ ...phase, audits: [...phase.audits, audit] });
  assign(turn, auditor, node);
}

/** Whoever has least to do and is not slow; spares first. */
function auditorFor(turn: Turn, except: readonly string[]): string | undefined {
  const { phase, progress } = turn.state;
  if (phase.tag !== "training") return undefined;
  const typical = typicalLaneMs(turn.state);
  const isFit = (worker: WorkerState) =>
    !except.includes(worker.id) &&
    !isBehind(worker, progress.step, phase.attempt) &&
    (typical === null || (laneMsOf(worker) ?? typical) <= limits.lateFactor * typical);
  const load = (worker: WorkerState) => worker.shares.reduce((sum, share) => sum + share.lanes.length, 0);
  return turn.ready.filter(isFit).sort((a, b) => load(a) - load(b))[0]?.id;
}

function assign(turn: Turn, worker: string, node: TreeNode): void {
  const { phase, progress } = turn.state;
  if (phase.tag !== "training") return;
  const { step, epoch, stepInEpoch } = progress;
  const { attempt } = phase;
  const lanes = lanesWhere(phase.lanes, ({ tag }) => tag !== "absent").filter(
    (lane) => lane >= node.begin && lane < node.end,
  );
  addShare(turn, worker, { step, attempt, kind: "audit", lanes });
  turn.send(worker, {
    kind: "audit",
    step,
    epoch,
    stepInEpoch,
    beginLane: node.begin,
    endLane: node.end,
    excluded: excludedOf(progress.exclusions, "train"),
    attempt,
  });
}

function change(turn: Turn, node: TreeNode, changed: (audit: Audit) => Audit | null): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  const audits = phase.audits.flatMap((audit) =>
    isSameNode(audit.node, node) ? (changed(audit) ?? []) : [audit],
  );
  turn.enter({ ...phase, audits });
}

/** A slice has compared a worker's sum with those that it had. */
export function takeComparison(
  turn: Turn,
  slice: number,
  step: number,
  compared: { node: TreeNode; worker: string; agrees: readonly string[]; differs: readonly string[] },
): void {
  if (turn.state.progress.step !== step) return;
  const { node, worker, agrees, differs } = compared;
  const pair = (other: string, isEqual: boolean): Comparison => ({
    slice,
    workers: [worker, other],
    isEqual,
  });
  const comparisons = [
    ...agrees.map((other) => pair(other, true)),
    ...differs.map((other) => pair(other, false)),
  ];
  change(turn, node, (audit) => ({ ...audit, comparisons: [...audit.comparisons, ...comparisons] }));
  judge(turn, node);
}

/** A worker is through with an audit. Not finite: nothing was uploaded, which counts as another sum. */
export function takeAuditDone(
  turn: Turn,
  worker: string,
  done: { step: number; attempt: number; beginLane: number; endLane: number; finite: boolean },
): void {
  const { phase, progress, nowMs } = turn.state;
  if (phase.tag !== "training" || done.step !== progress.step || done.attempt !== phase.attempt) {
    return turn.drop(worker, "stale step");
  }
  const node = { begin: done.beginLane, end: done.endLane };
  const audit = phase.audits.find((known) => isSameNode(known.node, node));
  if (audit === undefined || (worker !== audit.auditor && worker !== audit.third)) {
    return turn.drop(worker, "misplaced");
  }
  change(turn, node, (known) => ({ ...known, done: [...known.done, worker], sinceMs: nowMs }));
  if (!done.finite) {
    const others = [audit.worker, audit.auditor].filter((other) => other !== worker);
    const differences = others.map((other) => ({
      slice: 0,
      workers: [worker, other] as const,
      isEqual: false,
    }));
    change(turn, node, (known) => ({ ...known, comparisons: [...known.comparisons, ...differences] }));
  }
  judge(turn, node);
}

/** True: equal in every slice; false: different in one; null: not known yet. */
function areEqual({ comparisons }: Audit, slices: number, a: string, b: string): boolean | null {
  const ofPair = comparisons.filter(({ workers }) => workers.includes(a) && workers.includes(b));
  if (ofPair.some(({ isEqual }) => !isEqual)) return false;
  return new Set(ofPair.map(({ slice }) => slice)).size >= slices ? true : null;
}

function judge(turn: Turn, node: TreeNode): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  const audit = phase.audits.find((known) => isSameNode(known.node, node));
  if (audit === undefined) return;
  const verdict = (a: string, b: string) => areEqual(audit, phase.slices.length, a, b);
  const { worker, auditor, third } = audit;
  const isEqual = verdict(worker, auditor);
  if (isEqual === null) return;
  if (isEqual) return conclude(turn, audit, "equal");
  if (third === null) return askThird(turn, audit);
  const [withFirst, withSecond] = [verdict(third, worker), verdict(third, auditor)];
  if (withFirst === null || withSecond === null) return;
  if (withFirst === withSecond) return unresolved(turn, audit, `${third} differs from both`);
  conclude(turn, audit, "different");
  const [odd, right] = withFirst ? [auditor, worker] : [worker, auditor];
  convict(turn, odd, `its sum of ${name(turn.state, node)} is not that of ${right} and ${third}`);
  if (odd === worker && turn.state.phase.tag === "training") {
    turn.enter({ ...turn.state.phase, isTainted: true });
  }
}

const name = ({ progress }: CoreState, { begin, end }: TreeNode) =>
  `lanes ${begin} to ${end - 1} of step ${progress.step}`;

function conclude(turn: Turn, audit: Audit, result: "equal" | "different" | "unresolved" | "dropped"): void {
  change(turn, audit.node, () => null);
  turn.do({ tag: "audited", result });
}

function askThird(turn: Turn, audit: Audit): void {
  const { node, worker, auditor } = audit;
  turn.log(
    "error",
    `workers ${worker} and ${auditor} returned different sums for ${name(turn.state, node)}; a third decides`,
    { worker, auditor, step: turn.state.progress.step },
  );
  const third = auditorFor(turn, [worker, auditor]);
  if (third === undefined) return unresolved(turn, audit, "there is no third worker to decide");
  change(turn, node, (known) => ({ ...known, third, sinceMs: turn.state.nowMs }));
  assign(turn, third, node);
}

function unresolved(turn: Turn, audit: Audit, why: string): void {
  const { node, worker, auditor } = audit;
  conclude(turn, audit, "unresolved");
  turn.log(
    "error",
    `one of ${worker} and ${auditor} computes wrong values (${name(turn.state, node)}), and ${why}: the step keeps what ${worker} sent. Test both machines' memory`,
    { worker, auditor },
  );
}

/** A worker that is gone answers no more; a lost original is computed by others, so that its sum is none any more. */
export function dropAuditsOf(turn: Turn, worker: string): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  for (const audit of phase.audits) {
    if ([audit.worker, audit.auditor, audit.third].includes(worker)) conclude(turn, audit, "dropped");
  }
}

/** True while an audit is due for which the step, complete by now, waits. Those that take too long are dropped. */
export function holdsUp(turn: Turn): boolean {
  const { phase } = turn.state;
  if (phase.tag !== "training") return false;
  for (const audit of phase.audits.filter((due) => isOverdue(turn.state, due))) {
    if (audit.third === null) conclude(turn, audit, "dropped");
    else unresolved(turn, audit, `${audit.third} has not decided in time`);
  }
  return turn.state.phase.tag === "training" && turn.state.phase.audits.length > 0;
}

/** The answer is there and nothing was compared: the original came in other pieces. A late one meets its deadline. */
function isOverdue({ nowMs }: CoreState, audit: Audit): boolean {
  const asked = audit.third ?? audit.auditor;
  return audit.done.includes(asked) && nowMs - audit.sinceMs > limits.lateMinMs;
}
