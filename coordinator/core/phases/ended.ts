/** The end of a run: workers are told the outcome, and nothing more happens. */
import type { Outcome } from "../state.js";
import type { Turn } from "../turn.js";

/** Ends the run. All workers are told the outcome, unless the run goes on later. */
export function end(turn: Turn, outcome: Outcome): void {
  if (turn.state.phase.tag === "ended") return;
  turn.enter({ tag: "ended", outcome });
  for (const id of turn.state.workers.keys()) tellEnd(turn, id, outcome);
  turn.log(outcome.tag === "failed" ? "error" : "info", `run ${outcome.tag}: ${outcome.reason}`);
  turn.do({ tag: "ended", outcome });
}

/** Tells a worker how the run ended. An interrupted run goes on later, so the worker's stream just ends and it looks for the next coordinator. */
export function tellEnd(turn: Turn, worker: string, outcome: Outcome): void {
  if (outcome.tag === "interrupted") return;
  turn.send(worker, { kind: "finished", outcome: outcome.tag, message: outcome.reason });
}
