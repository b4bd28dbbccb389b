/**
 * How far the coordinator is, as far as this worker knows: its assignments say it, and weights that begin to arrive
 * prove it. What lies behind is given up: nobody waits for it any more.
 */

/** A step, and which attempt at it: a step may be begun again. */
export interface StepAttempt {
  readonly step: number;
  readonly attempt: number;
}

/** An evaluation on weights version `step` comes before the first attempt at the step that starts from them. */
export const evaluationOf = (step: number): StepAttempt => ({ step, attempt: -1 });

const isBefore = (a: StepAttempt, b: StepAttempt) =>
  a.step < b.step || (a.step === b.step && a.attempt < b.attempt);

/** Work on a step as the engine's thread sees it, which no message reaches while it computes. */
export interface Watched {
  /** int32 [1] in shared memory: 1 as soon as the step is over. */
  readonly over: Int32Array;
  /** When the work has ended. */
  forget(): void;
}

export class Watermark {
  #newest: StepAttempt = evaluationOf(0);
  readonly #watched = new Map<Int32Array, StepAttempt>();

  /** The coordinator is there, or further. */
  reached(at: StepAttempt): void {
    if (!isBefore(this.#newest, at)) return;
    this.#newest = at;
    for (const [over, watched] of this.#watched) this.#mark(over, watched);
  }

  watch(at: StepAttempt): Watched {
    const over = new Int32Array(new SharedArrayBuffer(4));
    this.#watched.set(over, at);
    this.#mark(over, at);
    return { over, forget: () => void this.#watched.delete(over) };
  }

  #mark(over: Int32Array, at: StepAttempt): void {
    if (this.isOver(at)) Atomics.store(over, 0, 1);
  }

  /** Weights version n exists only once steps 0 to n - 1 are committed. */
  weightsArrive(version: number): void {
    this.reached(evaluationOf(version));
  }

  /** The session is over, and everything in it. */
  end(): void {
    this.reached({ step: Number.MAX_SAFE_INTEGER, attempt: 0 });
  }

  isOver(at: StepAttempt): boolean {
    return isBefore(at, this.#newest);
  }
}
