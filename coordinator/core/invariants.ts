/**
 * What holds in every state of the core. A broken invariant is a bug of Trainyard: it throws, and the shell ends the run
 * with the message. Input from workers never breaks one; it is dropped and counted instead.
 */
import type { CoreState, Phase, PhaseOf, WorkerState } from "./state.js";
import { type Audit, isHeldBy } from "./work.js";

/** Errors: the condition does not hold. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** Checked after each event. The cost does not grow with workers or lanes. */
export function checkState(state: CoreState): void {
  const { phase, progress } = state;
  const { dimensions } = state.run;
  const { pending } = state.checkpoints;
  const { layout } = state.model;
  invariant(pending >= 0, "more checkpoints were written than asked for");
  invariant(progress.stepInEpoch <= dimensions.stepsPerEpoch, "the cursor left its epoch");
  invariant(state.membership.joined >= state.workers.size, "a worker is there that never joined");
  if (phase.tag === "gathering" || phase.tag === "ended") return;
  invariant(state.model.slices.tag === "up" && layout !== null, `${phase.tag} without slices`);
  checkPhase(state, phase, state.model.slices.count);
}

function checkPhase(state: CoreState, phase: Phase, slices: number): void {
  if (phase.tag === "saving") {
    invariant(
      phase.retryMs !== null || state.checkpoints.pending > 0,
      "saving without a checkpoint under way",
    );
  } else if (phase.tag === "training") {
    invariant(phase.slices.length === slices, "a training step has another number of slices");
    invariant(
      phase.lanes.length === state.run.dimensions.spec.lanes,
      "a training step has another number of lanes",
    );
  } else if (phase.tag === "committing") {
    invariant(phase.checksums.length === slices, "a commit has another number of slices");
    invariant(phase.next.step === state.progress.step + 1, "a commit does not lead to the next step");
  }
}

/** Looks at every worker, lane and block. Tests and the simulator check it after each event. */
export function checkWholeState(state: CoreState): void {
  checkState(state);
  checkWorkers(state);
  const { phase } = state;
  if (phase.tag === "training") checkLanes(state, phase);
  else if (phase.tag === "evaluating") {
    for (const block of phase.blocks) {
      if (block.tag === "assigned") checkHolders(state, block.holders);
    }
  } else if (phase.tag === "exporting" || phase.tag === "initialising") {
    invariant(phase.worker === null || isReady(state, phase.worker), `${phase.tag} by a worker that left`);
  }
}

const isReady = (state: CoreState, worker: string) => state.workers.get(worker)?.tag === "ready";

function checkWorkers(state: CoreState): void {
  const orders = new Set<number>();
  for (const [id, worker] of state.workers) {
    invariant(worker.id === id, `worker ${id} is filed under another name`);
    invariant(!state.membership.banned.includes(id), `worker ${id} is banned and still there`);
    invariant(
      worker.order < state.membership.joined && !orders.has(worker.order),
      "two workers have one join order",
    );
    invariant(
      worker.tag === "ready" || worker.shares.length === 0,
      `worker ${id} got work before it was ready`,
    );
    orders.add(worker.order);
  }
}

function checkHolders(state: CoreState, holders: readonly { readonly worker: string }[]): void {
  invariant(holders.length > 0, "assigned work has no holder");
  invariant(
    new Set(holders.map(({ worker }) => worker)).size === holders.length,
    "a worker holds work twice",
  );
  for (const { worker } of holders)
    invariant(isReady(state, worker), `${worker} holds work and is not ready`);
}

function checkLanes(state: CoreState, phase: PhaseOf<"training">): void {
  phase.lanes.forEach((lane, index) => {
    const samples = phase.samples[index] ?? 0;
    if (lane.tag === "absent") invariant(samples === 0, `lane ${index} has samples and is absent`);
    else if (lane.tag === "assigned") checkHolders(state, lane.holders);
    else if (lane.tag === "arrived") {
      invariant(lane.result.samples === samples, `lane ${index} arrived with other samples`);
    }
  });
  for (const worker of state.workers.values()) checkShares(state, phase, worker);
  for (const audit of phase.audits) checkAudit(state, phase, audit);
}

/** A worker that was asked for an audit and has not answered has an open share of it, whose deadline is the audit's. */
function checkAudit(state: CoreState, phase: PhaseOf<"training">, audit: Audit): void {
  const { auditor, third, done, node } = audit;
  invariant(isReady(state, auditor), `the auditor ${auditor} left`);
  invariant(third === null || isReady(state, third), `the third worker ${third} of an audit left`);
  const asked = third ?? auditor;
  const shares = state.workers.get(asked)?.shares ?? [];
  const isOpen = shares.some(
    ({ kind, step, attempt, lanes }) =>
      kind === "audit" &&
      step === state.progress.step &&
      attempt === phase.attempt &&
      lanes.some((lane) => lane >= node.begin && lane < node.end),
  );
  invariant(done.includes(asked) || isOpen, `the audit of ${asked} has no answer and no share`);
}

/** A worker that holds lanes has an open share of the step: its lateness is measured by it. */
function checkShares({ progress }: CoreState, phase: PhaseOf<"training">, worker: WorkerState): void {
  const shares = worker.shares.filter(
    ({ step, attempt, kind }) => kind === "gradients" && step === progress.step && attempt === phase.attempt,
  );
  const inShares = new Set(shares.flatMap(({ lanes }) => lanes));
  const isHolding = phase.lanes.some((lane, index) => isHeldBy(lane, worker.id) && !inShares.has(index));
  invariant(!isHolding, `${worker.id} holds lanes without a share`);
}
