/**
 * Heartbeats. Each says what the worker is doing, so that the coordinator can name the worker that a step waits for, and
 * why. One is sent every limits.heartbeatMs and soon after each change, at least limits.phaseBeatMs apart from the one
 * before; the newest change is always sent.
 */
import type { Clock } from "../shared/clock.js";
import type { workerPhases } from "../shared/grpc/texts.js";
import { limits } from "../shared/limits.js";

export type Phase = (typeof workerPhases)[number];

export class Phases {
  readonly #clock: Clock;
  readonly #say: (phase: Phase) => void;
  readonly #stopBeating: () => void;
  #now: () => Phase;
  #said: { readonly phase: Phase; readonly atMs: number } | undefined;
  #callOff: (() => void) | undefined;
  #isClosed = false;

  /** `first`: the phase at the start. `say` sends one heartbeat; it is first called at the first change or heartbeat. */
  constructor(clock: Clock, first: Phase, say: (phase: Phase) => void) {
    this.#clock = clock;
    this.#say = say;
    this.#now = () => first;
    this.#stopBeating = clock.every(limits.heartbeatMs, () => this.#beat());
  }

  /** Changes the phase. A function is asked at each heartbeat: for work that goes from phase to phase by itself. */
  enter(phase: Phase | (() => Phase)): void {
    if (this.#isClosed) return;
    this.#now = typeof phase === "function" ? phase : () => phase;
    if (this.#said?.phase === this.#now() || this.#callOff !== undefined) return;
    const sinceMs = this.#clock.nowMs() - (this.#said?.atMs ?? Number.NEGATIVE_INFINITY);
    if (sinceMs >= limits.phaseBeatMs) return this.#beat();
    this.#callOff = this.#clock.after(limits.phaseBeatMs - sinceMs, () => {
      this.#callOff = undefined;
      if (this.#said?.phase !== this.#now()) this.#beat();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stopBeating();
    this.#callOff?.();
  }

  #beat(): void {
    this.#said = { phase: this.#now(), atMs: this.#clock.nowMs() };
    this.#say(this.#said.phase);
  }
}
