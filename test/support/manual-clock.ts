/** A clock that a test moves: nothing waits for real time. */
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../shared/clock.js";

export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly act: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  date(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((done) => {
      const callOff = this.after(ms, done);
      const onAbort = () => {
        callOff();
        done();
      };
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  after(ms: number, act: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  every(ms: number, act: () => void): () => void {
    let callOff: () => void = () => undefined;
    const again = () => {
      callOff = this.after(ms, () => {
        again();
        act();
      });
    };
    again();
    return () => callOff();
  }

  /** Time passes, timer by timer; what a timer sets going runs before the next one. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    while (this.#strike(endMs)) await settled();
    this.#nowMs = endMs;
  }

  /** The same within one turn, as where the engine's thread blocks for so long: only timers run. */
  passAtOnce(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#strike(endMs));
    this.#nowMs = endMs;
  }

  /** The next timer that is due by then; false: none is. */
  #strike(endMs: number): boolean {
    const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
    if (next === undefined) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.act();
    return true;
  }

  /** Time that no timer saw: the process stood still. */
  skip(ms: number): void {
    this.#nowMs += ms;
  }
}

/** A store in memory answers within a few turns. */
async function settled(): Promise<void> {
  for (let i = 0; i < 8; i += 1) await turn();
}
