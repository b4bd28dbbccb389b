/**
 * Which workers joined or left with an event, and why, for the metrics. It compares the states before and after the
 * event. The core's log says the same in words.
 */
import { isStoreOutage } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import type { Departure } from "../../shared/metrics.js";
import type { CoreEvent } from "../core/events.js";
import type { CoreState } from "../core/state.js";

/** The workers that joined and left with one event. */
export interface Comings {
  readonly joined: readonly string[];
  readonly left: readonly { readonly worker: string; readonly departure: Departure }[];
}

const none: Comings = { joined: [], left: [] };

/** Compares the states before and after an event, and names the workers that joined or left. */
export function comingsWith(event: CoreEvent, before: CoreState, after: CoreState): Comings {
  if (event.tag === "hello") return comingsOf(event.worker, before, after);
  if (after.workers.size >= before.workers.size) return none;
  const gone = [...before.workers.keys()].filter((worker) => !after.workers.has(worker));
  return {
    joined: [],
    left: gone.map((worker) => ({ worker, departure: why(worker, event, before, after) })),
  };
}

/** Joins and leaves caused by a worker's hello. The worker may have been in the run under the same name before. */
function comingsOf(worker: string, before: CoreState, after: CoreState): Comings {
  const [former, present] = [before.workers.get(worker), after.workers.get(worker)];
  const isNew = present !== undefined && present.order !== former?.order;
  const isReplaced = former !== undefined && present?.order !== former.order;
  return { joined: isNew ? [worker] : [], left: isReplaced ? [{ worker, departure: "replaced" }] : [] };
}

function why(worker: string, event: CoreEvent, before: CoreState, after: CoreState): Departure {
  if (before.phase.tag === "ended") return "ended";
  if (after.membership.banned.includes(worker)) return "wrong";
  if (event.tag === "left") return "disconnected";
  if (event.tag === "said") return whySaid(event.body);
  const silentMs = after.clock.nowMs - (before.workers.get(worker)?.heardMs ?? after.clock.nowMs);
  return silentMs > limits.lostAfterMs ? "silent" : "overdue";
}

/** "drained" is what a worker says that was stopped; anything else is its own fault. */
function whySaid(body: Extract<CoreEvent, { tag: "said" }>["body"]): Departure {
  if (body.kind === "leaving" && body.reason === "drained") return "drained";
  return body.kind === "assignmentFailed" && isStoreOutage(body.code) ? "store" : "failed";
}
