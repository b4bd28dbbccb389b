/**
 * Workers whose results were wrong where another's were right. After a few times, or at once when it was found out, such
 * a worker is drained: it hands its lanes back, leaves with exit code 3, and nothing of it is taken any more.
 */
import { limits } from "../../shared/limits.js";
import type { CoreState } from "./state.js";
import type { Turn } from "./turn.js";

export function suspect(turn: Turn, worker: string, what: string): void {
  const count = (turn.state.membership.suspicions.get(worker)?.count ?? 0) + 1;
  accuse(turn, worker, count, what);
  turn.log("warn", `worker ${worker} is suspect (${count} of ${limits.suspicions}): ${what}`, { worker });
}

/** Drains a worker whose result was proved wrong. */
export function convict(turn: Turn, worker: string, what: string): void {
  accuse(turn, worker, limits.suspicions, what);
}

function accuse(turn: Turn, worker: string, count: number, what: string): void {
  turn.change("membership", {
    suspicions: new Map(turn.state.membership.suspicions).set(worker, { count, what }),
  });
}

/** Workers to drain now. The last worker is always kept, since the run could not go on without it. */
export function dueDrains(turn: Turn): string[] {
  if (turn.state.membership.suspicions.size === 0) return [];
  const ready = turn.ready.map((worker) => worker.id);
  const due = ready.filter(
    (id) => (turn.state.membership.suspicions.get(id)?.count ?? 0) >= limits.suspicions,
  );
  return due.length < ready.length ? due : due.slice(1);
}

/** Tells the worker to drain and bans it. The caller removes it from the run. Returns the reason. */
export function sendAway(turn: Turn, worker: string): string {
  const reason = `drained: ${turn.state.membership.suspicions.get(worker)?.what ?? "its results were wrong"}`;
  turn.log("error", `worker ${worker} is ${reason}`, { worker });
  turn.change("membership", { banned: [...turn.state.membership.banned, worker] });
  turn.send(worker, { kind: "drain", reason });
  turn.do({ tag: "disconnect", worker, reason });
  return reason;
}

export const isBanned = (state: CoreState, worker: string): boolean =>
  state.membership.banned.includes(worker);
