/** Waits for the store, for a worker, and for the answer of an audit: tried again, given up, or logged. */
import { lastingWaitLogMs } from "../../../shared/lasting-waits.js";
import { limits } from "../../../shared/limits.js";
import { answeredAudits, dropAnsweredAudits } from "../audit.js";
import { isGathered } from "../decision.js";
import { end } from "../phases/ended.js";
import { giveUpExport, retryExport } from "../phases/exporting.js";
import { giveUpSaving, retrySaving } from "../phases/saving.js";
import type { CoreState } from "../state.js";
import type { Turn } from "../turn.js";
import type { Wait, WaitKind } from "./wait.js";

/** An audit's answer is there and nothing was compared with it: the sum came in other pieces. */
export const auditAnswers: WaitKind = {
  waits: ({ phase }) =>
    phase.tag !== "training" || phase.isTainted || !isGathered(phase)
      ? []
      : answeredAudits(phase).map(({ auditor, third, sinceMs }) => ({
          what: "audit",
          from: third ?? auditor,
          sinceMs,
          until: sinceMs + limits.lateMinMs,
          consequence: "drop the audit",
        })),
  fire: dropAnsweredAudits,
};

const fromStore = (
  what: Wait["what"],
  sinceMs: number,
  until: number,
  consequence: Wait["consequence"],
): Wait => ({ what, from: "the store", sinceMs, until, consequence });

/** The next attempt at a checkpoint during an outage of the store. */
export const checkpointRetries: WaitKind = {
  waits: ({ phase }) =>
    phase.tag !== "saving" || phase.retryMs === null
      ? []
      : [fromStore("checkpoint", phase.sinceMs, phase.retryMs, "retry")],
  fire: retrySaving,
};

/** Milliseconds in which all vectors of a checkpoint are written, also by the slowest store. */
function savingMs({ model: { layout } }: CoreState): number {
  const vectorsBytes = 3 * 4 * (layout?.parameterCount ?? 0);
  return limits.storeOutageMs + (1000 * vectorsBytes) / limits.slowestBytesPerSecond;
}

/** The end of all attempts: of a store that stays away, and of a shell that says nothing of a checkpoint. */
export const checkpointDeadlines: WaitKind = {
  waits: (state) => {
    const { phase } = state;
    if (phase.tag !== "saving") return [];
    const afterMs = phase.retryMs === null ? 2 * savingMs(state) : limits.storeOutageMs;
    return [fromStore("checkpoint", phase.sinceMs, phase.sinceMs + afterMs, "fail the run")];
  },
  fire: giveUpSaving,
};

/** The next checkpoint by time, where the run's settings ask for it. It is taken at a commit. */
export const timedCheckpoints: WaitKind = {
  waits: ({ phase, run, checkpoints: { requestedMs, isDue } }) => {
    const { everySeconds } = run.dimensions.spec.checkpoint;
    if (everySeconds === null || isDue || (phase.tag !== "training" && phase.tag !== "committing")) return [];
    const until = requestedMs + 1000 * everySeconds;
    return [
      {
        what: "the next checkpoint",
        from: "the run",
        sinceMs: requestedMs,
        until,
        consequence: "save at the next commit",
      },
    ];
  },
  fire: (turn) => turn.change("checkpoints", { isDue: true }),
};

/** An outage that workers meet. When it has lasted too long, the next assignments that fail for it are failures. */
export const workersOutages: WaitKind = {
  waits: ({ membership: { storeAway } }) =>
    storeAway === null || storeAway.isOver
      ? []
      : [
          fromStore(
            "the store",
            storeAway.sinceMs,
            storeAway.sinceMs + limits.storeOutageMs,
            "count outages as failures",
          ),
        ],
  fire: (turn) => {
    const { storeAway } = turn.state.membership;
    if (storeAway !== null) turn.change("membership", { storeAway: { ...storeAway, isOver: true } });
  },
};

/** An export that waits until the store is back. */
export const exportRetries: WaitKind = {
  waits: ({ phase }) =>
    phase.tag !== "exporting" || typeof phase.outage?.retryMs !== "number"
      ? []
      : [fromStore("export", phase.outage.sinceMs, phase.outage.retryMs, "retry")],
  fire: retryExport,
};

/** The end of all attempts at an export, while the store is away. */
export const exportOutages: WaitKind = {
  waits: ({ phase }) => {
    if (phase.tag !== "exporting" || typeof phase.outage?.retryMs !== "number") return [];
    const { sinceMs } = phase.outage;
    return [fromStore("export", sinceMs, sinceMs + limits.storeOutageMs, "fail the run")];
  },
  fire: giveUpExport,
};

/**
 * Answers of the shell: reducers start, vectors are restored, results are written. The shell has limits of its own; these
 * end the run when the shell itself hangs.
 */
export const shellAnswers: WaitKind = {
  waits: (state) => {
    const { phase, model } = state;
    if (phase.tag === "publishing")
      return [fromStore("result", phase.sinceMs, phase.sinceMs + 2 * limits.storeOutageMs, "fail the run")];
    if (phase.tag === "gathering" && model.slices.tag === "starting")
      return [fromReducers(model.slices.sinceMs, 2 * limits.reducerStartMs)];
    return phase.tag === "restoring" ? [fromReducers(phase.sinceMs, savingMs(state))] : [];
  },
  fire: (turn, [wait]) => {
    const seconds = Math.round((turn.nowMs - (wait?.sinceMs ?? turn.nowMs)) / 1000);
    end(turn, { tag: "failed", reason: `no answer from ${wait?.from} (${wait?.what}) for ${seconds} s` });
  },
};

const fromReducers = (sinceMs: number, afterMs: number): Wait => ({
  what: "reducers",
  from: "reducers",
  sinceMs,
  until: sinceMs + afterMs,
  consequence: "fail the run",
});

/** A run without any worker. It fails after a while, unless its coordinator waits for workers. */
export const nextWorker: WaitKind = {
  waits: ({ workers, membership, run: { waitsForWorkers } }) =>
    workers.size > 0
      ? []
      : [
          {
            what: "the next worker",
            from: "workers",
            sinceMs: membership.aloneSinceMs,
            until: waitsForWorkers ? "no worker" : membership.aloneSinceMs + limits.noWorkersMs,
            consequence: waitsForWorkers ? "log that the run waits on" : "fail the run",
          },
        ],
  fire: (turn: Turn) => {
    const { waitsForWorkers } = turn.state.run;
    const { nowMs } = turn;
    if (!waitsForWorkers) {
      return end(turn, { tag: "failed", reason: `no worker came for ${limits.noWorkersMs / 1000} s` });
    }
    turn.log("warn", `no worker came for ${lastingWaitLogMs / 1000} s: the run waits on`);
    turn.change("membership", { aloneSinceMs: nowMs });
  },
};
