/** The run's first weights: built once, by one worker, held by every slice, and saved as checkpoint 0. */
import { saveAndThen } from "./ending.js";
import type { Turn } from "./turn.js";

/** Another worker takes over if the one that builds them is lost. */
export function beginInitialising(turn: Turn): void {
  const { phase, slices, nowMs } = turn.state;
  if (slices.tag !== "up") return;
  if (phase.tag !== "gathering" && !(phase.tag === "initialising" && phase.worker === null)) return;
  const worker = turn.ready[0]?.id ?? null;
  const loaded =
    phase.tag === "initialising" ? phase.loaded : Array.from({ length: slices.count }, () => false);
  turn.enter({ tag: "initialising", worker, sinceMs: nowMs, isLateLogged: false, loaded });
  if (worker === null) return;
  turn.do({ tag: "grant", worker, grant: { kind: "INITIAL" } });
  turn.send(worker, { kind: "initialise" });
}

export function takeLoaded(turn: Turn, slice: number): void {
  const { phase } = turn.state;
  if (phase.tag !== "initialising") return;
  const loaded = phase.loaded.map((known, index) => known || index === slice);
  turn.enter({ ...phase, loaded });
  if (!loaded.every(Boolean)) return;
  turn.set({ epochStartedMs: turn.state.nowMs });
  saveAndThen(turn, "initial weights", { tag: "train" });
}
