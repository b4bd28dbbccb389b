/**
 * How far the coordinator is, as far as this worker knows: assignments say it, and weights that begin to arrive prove
 * it. Work on anything before the watermark is over: its result would not be used.
 */

/** A step, and which attempt at it: the coordinator may begin a step again. */
export interface StepAttempt {
  readonly step: number;
  readonly attempt: number;
}

/** The evaluation on weights version `step`, which comes before the first attempt at the step that starts from them. */
export const evaluationOf = (step: number): StepAttempt => ({ step, attempt: -1 });

const isBefore = (a: StepAttempt, b: StepAttempt) =>
  a.step < b.step || (a.step === b.step && a.attempt < b.attempt);

/** A flag for the engine's thread, which no message reaches while it computes. */
export interface Watched {
  /** int32 [1] in shared memory: 1 as soon as the step is over. */
  readonly over: Int32Array;
  /** Ends the watch; called when the work has ended. */
  forget(): void;
}

/** The flag of work that is never given up. */
export const unwatched: Watched = {
  over: new Int32Array(new SharedArrayBuffer(4)),
  forget: () => undefined,
};

export class Watermark {
  #newest: StepAttempt = evaluationOf(0);
  readonly #watched = new Map<Int32Array, StepAttempt>();

  /** Raises the watermark: the coordinator is at this attempt, or further. A lower one changes nothing. */
  reached(at: StepAttempt): void {
    if (!isBefore(this.#newest, at)) return;
    this.#newest = at;
    for (const [over, watched] of this.#watched) this.#mark(over, watched);
  }

  /** A flag that is set as soon as work on this attempt is over. */
  watch(at: StepAttempt): Watched {
    const over = new Int32Array(new SharedArrayBuffer(4));
    this.#watched.set(over, at);
    this.#mark(over, at);
    return { over, forget: () => void this.#watched.delete(over) };
  }

  #mark(over: Int32Array, at: StepAttempt): void {
    if (this.isOver(at)) Atomics.store(over, 0, 1);
  }

  /** Raises the watermark: weights version n exists only once steps 0 to n - 1 are committed. */
  weightsArrive(version: number): void {
    this.reached(evaluationOf(version));
  }

  /** Ends all work: the session is over. */
  end(): void {
    this.reached({ step: Number.MAX_SAFE_INTEGER, attempt: 0 });
  }

  /** True when the coordinator has gone past this attempt. */
  isOver(at: StepAttempt): boolean {
    return isBefore(at, this.#newest);
  }
}
