/**
 * How many images a second a run commits, and which share of what its workers' engines can do that is. Sums over the last
 * steps and lanes; workers' times are their own.
 */

/** Steps, and lanes of a worker, that are looked at: the same as for lateness (DESIGN 5.9). */
const lastOnes = 20;

interface Work {
  readonly samples: number;
  readonly seconds: number;
}

export class Throughput {
  #steps: readonly Work[] = [];
  readonly #lanes = new Map<string, readonly Work[]>();

  /** A step was committed, `seconds` after it was assigned. A skipped one has no samples. */
  noteStep(work: Work): void {
    this.#steps = [...this.#steps, work].slice(-lastOnes);
  }

  /** A worker says how long its engine took for a lane; what can't be is not listened to. */
  noteLane(worker: string, work: Work): void {
    const { samples, seconds } = work;
    if (!(samples > 0 && seconds > 0 && Number.isFinite(seconds))) return;
    this.#lanes.set(worker, [...(this.#lanes.get(worker) ?? []), work].slice(-lastOnes));
  }

  forget(worker: string): void {
    this.#lanes.delete(worker);
  }

  /** Images a second, from the assignment of steps to their commits; 0 before the first. */
  get imagesPerSecond(): number {
    return speedOf(this.#steps);
  }

  /** Images a second while the worker computes; 0 before its first lane. */
  imagesPerSecondOf(worker: string): number {
    return speedOf(this.#lanes.get(worker) ?? []);
  }

  /** 1: every engine computes all the time; 0 while nothing is known. */
  get efficiency(): number {
    const possible = [...this.#lanes.values()].reduce((sum, lanes) => sum + speedOf(lanes), 0);
    return possible > 0 ? this.imagesPerSecond / possible : 0;
  }
}

function speedOf(works: readonly Work[]): number {
  const total = (of: (work: Work) => number) => works.reduce((sum, work) => sum + of(work), 0);
  const seconds = total((work) => work.seconds);
  return seconds > 0 ? total((work) => work.samples) / seconds : 0;
}
