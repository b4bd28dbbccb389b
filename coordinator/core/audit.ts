/**
 * Audits. A second worker computes a share of the work too, and the reducers compare both whole sums before the step is
 * decided. If they differ, a third worker decides, and the odd one is drained. Audits find memory that flips bits and
 * workers that lie. They do not find two workers that lie alike, a lie about loss, accuracy or statistics, or a lie in
 * work that was not drawn. The draw depends on a salt that no worker knows, and is made after the work was handed out. The
 * auditor is not a slow worker if there is another one. It is cut off at the step deadline like any worker; then the
 * audit is dropped.
 */

import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { limits } from "../../shared/limits.js";
import { hashWords, Purpose } from "../../shared/random.js";
import { lanesBelow, nodesToSend, type TreeNode } from "../../shared/tree.js";
import type { CoreEvent } from "./events.js";
import { excludedOf } from "./exclusion.js";
import { lanesWhere, type TrainingPhase } from "./lane-assignment.js";
import { addShare, isSlow } from "./liveness/speed.js";
import type { CoreState, WorkerState } from "./state.js";
import { convict } from "./suspicion.js";
import type { Turn } from "./turn.js";
import type { Audit, Comparison, Share } from "./work.js";

const isSameNode = (a: TreeNode, b: TreeNode) => a.begin === b.begin && a.end === b.end;

/** Draws audits from the lanes handed out since the last draw: at the beginning of a step, and when lanes change hands. */
export function drawAudits(turn: Turn): void {
  const phase = turn.in("training");
  const { dimensions, generation, salt } = turn.state.run;
  const { progress } = turn.state;
  if (phase.undrawn.length === 0) return;
  turn.update("training", { undrawn: [] });
  if (dimensions.spec.audit === 0) return;
  for (const { worker, lanes } of phase.undrawn) {
    const order = turn.state.workers.get(worker)?.order ?? 0;
    const { step } = progress;
    const present = new Set(lanesWhere(phase.lanes, ({ tag }) => tag !== "absent"));
    for (const node of nodesToSend(new Set(lanes), present, dimensions.spec.lanes)) {
      const words = [salt, Purpose.audit, generation, step, phase.attempt, order, node.begin, node.end];
      if (hashWords(...words) / 2 ** 32 < dimensions.spec.audit) beginAudit(turn, worker, node);
    }
  }
}

/** Begins an audit of a node. A node that is audited already needs no second audit: its sum is compared for every sender. */
function beginAudit(turn: Turn, worker: string, node: TreeNode): void {
  const phase = turn.in("training");
  const { nowMs } = turn;
  if (phase.audits.some((known) => isSameNode(known.node, node))) return;
  const auditor = auditorFor(turn, holdersOf(phase, node));
  if (auditor === undefined) return;
  turn.do({ tag: "watch", step: turn.state.progress.step, node });
  const audit: Audit = { node, worker, auditor, third: null, comparisons: [], done: [], sinceMs: nowMs };
  turn.update("training", { audits: [...phase.audits, audit] });
  assign(turn, auditor, node);
}

function holdersOf(phase: TrainingPhase, node: TreeNode): string[] {
  return phase.lanes.slice(node.begin, node.end).flatMap((lane) => {
    if (lane.tag === "arrived") return [lane.worker];
    return lane.tag === "assigned" ? lane.holders.map((holder) => holder.worker) : [];
  });
}

/** The worker with the least to do, spares first. A slow worker is chosen only if there is no other. */
function auditorFor(turn: Turn, except: readonly string[]): string | undefined {
  const load = (worker: WorkerState) => worker.shares.reduce((sum, share) => sum + share.lanes.length, 0);
  const others = turn.ready.filter(({ id }) => !except.includes(id)).sort((a, b) => load(a) - load(b));
  return (others.find((worker) => !isSlow(turn.state, worker)) ?? others[0])?.id;
}

function assign(turn: Turn, worker: string, node: TreeNode): void {
  const phase = turn.in("training");
  const { progress } = turn.state;
  const { step, epoch, stepInEpoch } = progress;
  const { attempt } = phase;
  const lanes = presentLanes(phase, node);
  const share = addShare(turn, worker, { step, attempt, kind: "audit", lanes });
  turn.do({ tag: "grant", worker, grant: { kind: "AUDIT", step, attempt, node } });
  turn.send(worker, {
    kind: "audit",
    step,
    epoch,
    stepInEpoch,
    beginLane: node.begin,
    endLane: node.end,
    excluded: excludedOf(progress.exclusions, "train"),
    attempt,
    share,
  });
}

const presentLanes = ({ lanes }: TrainingPhase, node: TreeNode): number[] =>
  lanesBelow(node, new Set(lanesWhere(lanes, ({ tag }) => tag !== "absent")));

function change(turn: Turn, node: TreeNode, changed: (audit: Audit) => Audit | null): void {
  const audits = turn
    .in("training")
    .audits.flatMap((audit) => (isSameNode(audit.node, node) ? (changed(audit) ?? []) : [audit]));
  turn.update("training", { audits });
}

/** A slice has compared a worker's sum with those that it had. */
export function takeComparison(
  turn: Turn,
  { slice, step, node, worker, agrees, differs }: Extract<CoreEvent, { tag: "sliceCompared" }>,
): void {
  if (turn.state.progress.step !== step) return;
  const pair = (other: string, isEqual: boolean): Comparison => ({
    slice,
    workers: [worker, other],
    isEqual,
  });
  const comparisons = [
    ...agrees.map((other) => pair(other, true)),
    ...differs.map((other) => pair(other, false)),
  ];
  change(turn, node, (audit) => ({
    ...audit,
    // A late lane goes to others too: whoever is neither auditor nor third is who sent the sum that counts.
    worker: sender([worker, ...agrees, ...differs], audit) ?? audit.worker,
    comparisons: [...audit.comparisons, ...comparisons],
  }));
  judge(turn, node);
}

const sender = (workers: readonly string[], { auditor, third }: Audit) =>
  workers.find((worker) => worker !== auditor && worker !== third);

/** A worker has finished an audit. A sum that is not finite was not uploaded, and counts as a different sum. */
export function takeAuditDone(
  turn: Turn,
  phase: TrainingPhase,
  worker: string,
  done: Extract<WorkerBody, { kind: "auditDone" }>,
): void {
  const { progress } = turn.state;
  const { nowMs } = turn;
  if (done.step !== progress.step || done.attempt !== phase.attempt) {
    return turn.drop(worker, "stale step");
  }
  const node = { begin: done.beginLane, end: done.endLane };
  const audit = phase.audits.find((known) => isSameNode(known.node, node));
  if (audit === undefined || (worker !== audit.auditor && worker !== audit.third)) {
    return turn.drop(worker, "misplaced");
  }
  if (audit.done.includes(worker)) return turn.drop(worker, "duplicate");
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
  const phase = turn.in("training");
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
  if (odd === worker) turn.update("training", { isTainted: true });
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
  change(turn, node, (known) => ({ ...known, third, sinceMs: turn.nowMs }));
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

/**
 * A worker has settled a share in which it audited a node. Without an answer there will be none: the audit is dropped, or
 * ends without a decision if the worker was the third.
 */
export function giveUpAudit(turn: Turn, worker: string, share: Share): void {
  const isItsOwn = ({ node, auditor, third, done }: Audit) =>
    (worker === auditor || worker === third) &&
    !done.includes(worker) &&
    share.lanes.join() === presentLanes(turn.in("training"), node).join();
  const audit = turn.in("training").audits.find(isItsOwn);
  if (audit === undefined) return;
  if (audit.third === worker) return unresolved(turn, audit, `${worker} could not compute them`);
  conclude(turn, audit, "dropped");
  turn.log("warn", `worker ${worker} could not audit ${name(turn.state, audit.node)}: the audit is dropped`, {
    worker,
  });
}

/** Drops the audits of a lost worker: a lost auditor does not answer, and the lanes of a lost original are computed again. */
export function dropAuditsOf(turn: Turn, worker: string): void {
  for (const audit of turn.in("training").audits) {
    if ([audit.worker, audit.auditor, audit.third].includes(worker)) conclude(turn, audit, "dropped");
  }
}

/** Audits whose answer is there while the sums were not compared. */
export function answeredAudits({ audits }: TrainingPhase): Audit[] {
  return audits.filter(({ done, third, auditor }) => done.includes(third ?? auditor));
}

/** The step is complete otherwise, and audits hold it up whose sums came in other pieces: they are dropped. */
export function dropAnsweredAudits(turn: Turn): void {
  const { nowMs } = turn;
  for (const audit of answeredAudits(turn.in("training"))) {
    if (nowMs - audit.sinceMs <= limits.lateMinMs) continue;
    if (audit.third === null) conclude(turn, audit, "dropped");
    else unresolved(turn, audit, `${audit.third} has not decided in time`);
  }
}
