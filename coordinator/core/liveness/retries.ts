/** Waits for the store, for a worker, and for the answer of an audit: tried again, given up, or logged. */
import { lastingWaitLogMs } from "../../../shared/lasting-waits.js";
import { limits } from "../../../shared/limits.js";
import { answeredAudits, dropAnsweredAudits } from "../audit.js";
import { isGathered } from "../decision.js";
import { end } from "../phases/ended.js";
import { assignExport } from "../phases/exporting.js";
import { retrySaving } from "../phases/saving.js";
import type { Turn } from "../turn.js";
import type { WaitKind } from "./wait.js";

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

/** The next attempt at a checkpoint during an outage of the store, and the answer to one that is being written. */
export const checkpointRetries: WaitKind = {
  waits: ({ phase }) => {
    if (phase.tag !== "saving") return [];
    const until = phase.retryMs ?? "shell";
    return [{ what: "checkpoint", from: "the store", sinceMs: phase.sinceMs, until, consequence: "retry" }];
  },
  fire: retrySaving,
};

/** An export that no worker has: there is none, or the store was away. */
export const exportRetries: WaitKind = {
  waits: ({ phase }) =>
    phase.tag !== "exporting" || phase.worker !== null
      ? []
      : [
          {
            what: "a free worker",
            from: "workers",
            sinceMs: phase.begunMs,
            until: phase.notBeforeMs,
            consequence: "retry",
          },
        ],
  fire: assignExport,
};

/** Answers of the shell that have no limit in the core: reducers start, vectors are restored, results are written. */
export const shellAnswers: WaitKind = {
  waits: ({ phase, model: { slices }, clock: { nowMs } }) => {
    const wait = { sinceMs: nowMs, until: "shell", consequence: "fail the run" } as const;
    if (phase.tag === "publishing") return [{ what: "result", from: "the store", ...wait }];
    const isStarting = phase.tag === "gathering" && slices.tag === "starting";
    return isStarting || phase.tag === "restoring" ? [{ what: "reducers", from: "reducers", ...wait }] : [];
  },
  fire: () => undefined,
};

/** A run without any worker. It fails after a while, unless its coordinator waits for workers. */
export const nextWorker: WaitKind = {
  waits: ({ workers, membership: { aloneSinceMs }, run: { waitsForWorkers } }) =>
    workers.size > 0
      ? []
      : [
          {
            what: "the next worker",
            from: "workers",
            sinceMs: aloneSinceMs,
            until: waitsForWorkers ? "no worker" : aloneSinceMs + limits.noWorkersMs,
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
