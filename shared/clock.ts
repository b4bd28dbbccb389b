/**
 * Time and timers: the real clock, or a simulation's. Code that takes a Clock never uses Date, performance or timers itself,
 * so the simulator decides when its time passes.
 */
import { setTimeout as realSleep } from "node:timers/promises";

/** A source of time, and timers on it. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. For durations and deadlines. */
  nowMs(): number;
  /** The calendar's time, for records that people read. Never for a decision. */
  date(): Date;
  /** Resolves after so long, or as soon as the signal aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after so long. Returns how to call it off; calling it off late does nothing. */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` every so many milliseconds until it is called off. */
  every(ms: number, fn: () => void): () => void;
}

/** The clock of the real world. */
export const realClock: Clock = {
  nowMs: () => performance.now(),
  date: () => new Date(),
  sleep: (ms, signal) =>
    realSleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, fn) => {
    const timer = setInterval(fn, ms);
    return () => clearInterval(timer);
  },
};
