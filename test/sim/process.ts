/**
 * A simulated process: it runs, is frozen (SIGSTOP), or is dead. Everything that reaches it (timers, messages, answers)
 * goes through `run`: a frozen one takes it when it wakes, in order; a dead one never.
 */
import type { Clock } from "../../shared/clock.js";
import type { Scheduler } from "./scheduler.js";

/** The simulation begins on this day. */
const epochMs = Date.UTC(2026, 0, 1);

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #onCrash: (error: unknown) => void;
  #state: "running" | "frozen" | "dead" = "running";
  #inbox: (() => void)[] = [];
  /** Called once, when it dies or ends. */
  readonly #mourners: (() => void)[] = [];

  /** `onCrash`: an error that nothing in the process caught. */
  constructor(name: string, scheduler: Scheduler, onCrash: (error: unknown) => void) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#onCrash = onCrash;
    this.clock = this.#makeClock();
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  get isFrozen(): boolean {
    return this.#state === "frozen";
  }

  /** What waits for it to wake. */
  get waiting(): number {
    return this.#inbox.length;
  }

  run(act: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "frozen") {
      this.#inbox.push(act);
      return;
    }
    try {
      act();
    } catch (error) {
      this.#onCrash(error);
    }
  }

  freeze(): void {
    if (this.#state === "running") this.#state = "frozen";
  }

  wake(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const act of inbox) this.#scheduler.after(0, () => this.run(act));
  }

  /** SIGKILL, or the process' own end. */
  die(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#inbox = [];
    for (const mourner of this.#mourners) mourner();
  }

  onDeath(mourner: () => void): void {
    this.#mourners.push(mourner);
  }

  #makeClock(): Clock {
    const scheduler = this.#scheduler;
    const after = (ms: number, fn: () => void) => {
      let isOff = false;
      const fire = () => {
        if (!isOff) fn();
      };
      scheduler.after(ms, () => {
        if (!isOff) this.run(fire);
      });
      return () => {
        isOff = true;
      };
    };
    return {
      nowMs: () => scheduler.nowMs,
      date: () => new Date(epochMs + scheduler.nowMs),
      after,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve();
          const callOff = after(ms, () => {
            signal?.removeEventListener("abort", wake);
            resolve();
          });
          const wake = () => {
            callOff();
            resolve();
          };
          signal?.addEventListener("abort", wake, { once: true });
        }),
      every: (ms, fn) => {
        let callOff: () => void = () => undefined;
        const again = () => {
          callOff = after(ms, () => {
            again();
            fn();
          });
        };
        again();
        return () => callOff();
      },
    };
  }
}
