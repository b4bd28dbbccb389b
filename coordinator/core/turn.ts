/** One transition while it is being made: the state so far and the effects so far. It lives for one event. */
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import type { Effect } from "./events.js";
import { invariant } from "./invariants.js";
import { requirePhaseChange } from "./phases/phase-changes.js";
import type { CoreState, Phase, PhaseOf, PhaseTag, Progress, StatePart, WorkerState } from "./state.js";

export class Turn {
  state: CoreState;
  readonly effects: Effect[] = [];

  constructor(state: CoreState) {
    this.state = state;
  }

  set(change: Partial<CoreState>): void {
    this.state = { ...this.state, ...change };
  }

  get nowMs(): number {
    return this.state.clock.nowMs;
  }

  /** Changes values of one part of the state. */
  change<Part extends StatePart>(part: Part, change: Partial<CoreState[Part]>): void {
    this.set({ [part]: { ...this.state[part], ...change } });
  }

  /** The next phase. Errors: the table of phase changes does not allow it here. */
  enter(phase: Phase): void {
    requirePhaseChange(this.state.phase.tag, phase.tag);
    this.set({ phase });
  }

  /** The phase as it is now. Errors: the run is in another phase. */
  in<Tag extends PhaseTag>(tag: Tag): PhaseOf<Tag> {
    invariant(this.isIn(tag), `the run is ${this.state.phase.tag} where it should be ${tag}`);
    return this.state.phase as PhaseOf<Tag>;
  }

  isIn(tag: PhaseTag): boolean {
    return this.state.phase.tag === tag;
  }

  /** Changes values of the phase, which stays. Errors: the run is in another phase. */
  update<Tag extends PhaseTag>(tag: Tag, change: Partial<Omit<PhaseOf<Tag>, "tag">>): void {
    this.set({ phase: { ...this.in(tag), ...change } });
  }

  advance(change: Partial<Progress>): void {
    this.set({ progress: { ...this.state.progress, ...change } });
  }

  worker(id: string, change: Partial<WorkerState>): void {
    const known = this.state.workers.get(id);
    if (known === undefined) return;
    this.set({ workers: new Map(this.state.workers).set(id, { ...known, ...change }) });
  }

  do(effect: Effect): void {
    this.effects.push(effect);
  }

  send(worker: string, body: CoordinatorBody): void {
    this.do({ tag: "send", worker, body });
  }

  log(level: "info" | "warn" | "error", message: string, fields?: Record<string, string | number | boolean>) {
    this.do(fields === undefined ? { tag: "log", level, message } : { tag: "log", level, message, fields });
  }

  drop(worker: string, reason: string): void {
    this.do({ tag: "dropped", worker, reason });
  }

  /** Ready workers in join order. */
  get ready(): WorkerState[] {
    return [...this.state.workers.values()]
      .filter((worker) => worker.tag === "ready")
      .sort((a, b) => a.order - b.order);
  }
}
