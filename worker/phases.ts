/**
 * What a worker is doing, told to the coordinator so that it can name whom a step waits for and why: every second, and
 * soon after each change, yet never more often than `limits.phaseBeatMs`; what changed last is always told.
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

  /** `say`: one heartbeat. The first comes with the first change or second. */
  constructor(clock: Clock, first: Phase, say: (phase: Phase) => void) {
    this.#clock = clock;
    this.#say = say;
    this.#now = () => first;
    this.#stopBeating = clock.every(limits.heartbeatMs, () => this.#beat());
  }

  /** A function: what it answers whenever a heartbeat is due, for work that passes through phases by itself. */
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
