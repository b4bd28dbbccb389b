/**
 * A run as an outsider sees it, looked at every few milliseconds: which commits were seen, and when. A coordinator
 * that does not answer is asked on. Times are this process' own (performance.now, ms).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import { fetchStatus, hasEnded, type RunStatus } from "../shared/status.js";

/** The first time that this coordinator was seen with this many commits. */
export interface Sighting {
  readonly atMs: number;
  readonly generation: number;
  /** Steps committed, which is also the number of the one under way. */
  readonly step: number;
}

export interface WatchOptions {
  readonly run: string;
  /** `host:port`; a coordinator that is started again is there, too. */
  readonly http: string;
  readonly signal: AbortSignal;
  /** Rejects when the cluster can't go on. */
  readonly failed: Promise<never>;
}

/** Interval between two looks at the run. Every reported time can be off by this much. */
export const lookMs = 15;
/** Longest wait for a status: a coordinator answers from memory. */
const answerMs = 5_000;

export class RunWatch {
  readonly #options: WatchOptions;
  readonly #sightings: Sighting[] = [];
  #latest: RunStatus | null = null;
  #error: unknown;
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    options.failed.catch((error: unknown) => {
      this.#error = error;
    });
    void this.#look();
  }

  /** Observations, oldest first. */
  get sightings(): readonly Sighting[] {
    return this.#sightings;
  }

  /** The last status that was seen; null while the coordinator does not answer. */
  get latest(): RunStatus | null {
    return this.#latest;
  }

  close(): void {
    this.#isClosed = true;
  }

  /**
   * Waits until `find` finds something; it is asked after every look. Errors: FAILED naming `what` after
   * `deadlineMs`; the cluster's, when it can't go on; the signal's reason.
   */
  async until<T>(what: string, deadlineMs: number, find: (latest: RunStatus | null) => T | null): Promise<T> {
    const { run, signal } = this.#options;
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      signal.throwIfAborted();
      if (this.#error !== undefined) throw asTrainyardError(this.#error);
      const found = find(this.#latest);
      if (found !== null) return found;
      if (performance.now() > endMs) {
        const seconds = Math.round(deadlineMs / 1000);
        throw new TrainyardError("FAILED", `the run ${run} was waited for in vain, ${seconds} s for ${what}`);
      }
      await sleep(lookMs);
    }
  }

  /** Waits for the run's end, as long as something happens. Errors: as `until`, when nothing does for `idleMs`. */
  async untilEnd(idleMs: number): Promise<RunStatus> {
    let seen = -1;
    for (;;) {
      const found = await this.until("its next step, or its end", idleMs, (latest) => {
        if (latest !== null && hasEnded(latest.phase)) return latest;
        return this.#sightings.length === seen ? null : "more";
      });
      if (found !== "more") return found;
      seen = this.#sightings.length;
    }
  }

  /** The commits that were seen after a moment, in whichever coordinator's life. */
  commitsSince(atMs: number): Sighting[] {
    const commits: Sighting[] = [];
    for (const [index, sighting] of this.#sightings.entries()) {
      const before = this.#sightings[index - 1];
      // A coordinator's first status tells from where it goes on, and of no commit.
      if (sighting.atMs > atMs && before?.generation === sighting.generation) commits.push(sighting);
    }
    return commits;
  }

  async #look(): Promise<void> {
    const { http, run, signal } = this.#options;
    while (!this.#isClosed && !signal.aborted) {
      this.#latest = await fetchStatus(http, run, signal).catch(() => null);
      if (this.#latest !== null) this.#note(this.#latest);
      await sleep(lookMs);
    }
  }

  #note({ generation = 0, step }: RunStatus): void {
    const last = this.#sightings.at(-1);
    if (last?.generation === generation && last.step === step) return;
    this.#sightings.push({ atMs: performance.now(), generation, step });
  }
}

/** Samples of lanes that were computed again in this coordinator's life, by its metrics; null while it is away. */
export const samplesRedone = (http: string, signal: AbortSignal) =>
  metric(http, /^trainyard_samples_redone_total(?:\{[^}]*\})? (\S+)$/gm, signal);

/** Workers that this coordinator blamed and cut off, by its metrics; null while it is away. */
export const workersCutOff = (http: string, signal: AbortSignal) =>
  metric(
    http,
    /^trainyard_workers_left_total\{[^}]*reason="(?:silent|overdue|failed|wrong)"[^}]*\} (\S+)$/gm,
    signal,
  );

/** The sum of a metric's series; null while the coordinator is away. */
async function metric(http: string, series: RegExp, signal: AbortSignal): Promise<number | null> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const exposition = await fetch(`http://${http}/metrics`, { signal: deadline }).then(
    (answer) => answer.text(),
    () => "",
  );
  const values = [...exposition.matchAll(series)].map(([, value]) => Number(value));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}
