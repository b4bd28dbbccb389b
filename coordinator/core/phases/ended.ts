/** The end of a run: workers are told the outcome, and nothing more happens. */
import type { Outcome } from "../state.js";
import type { Turn } from "../turn.js";

/** Everyone is told, unless the run goes on later, and nothing more happens. */
export function end(turn: Turn, outcome: Outcome): void {
  if (turn.state.phase.tag === "ended") return;
  turn.enter({ tag: "ended", outcome });
  for (const id of turn.state.workers.keys()) tellEnd(turn, id, outcome);
  turn.log(outcome.tag === "failed" ? "error" : "info", `run ${outcome.tag}: ${outcome.reason}`);
  turn.do({ tag: "ended", outcome });
}

/** Of a run that goes on later there is no end to tell: a worker's stream ends, and it looks for the next coordinator. */
export function tellEnd(turn: Turn, worker: string, outcome: Outcome): void {
  if (outcome.tag === "interrupted") return;
  turn.send(worker, { kind: "finished", outcome: outcome.tag, message: outcome.reason });
}
