/**
 * How many images a second a run commits, and how much of its workers' speed that uses. Both are measured over the same last
 * steps, so the share is at most 1: the lanes of a worker never take longer than their steps. Workers report their own
 * times.
 */

/** How many of the last steps count; lateness looks at the same number (docs/design/waits.md). */
const lastOnes = 20;

interface Work {
  readonly samples: number;
  readonly seconds: number;
}

interface Step extends Work {
  /** The lanes of each worker in this step, summed. */
  readonly lanes: ReadonlyMap<string, Work>;
}

const nothing: Work = { samples: 0, seconds: 0 };

/** Speed of a run and of its workers, over the last steps. */
export class Throughput {
  #steps: readonly Step[] = [];
  /** The lanes of each worker in the current step, summed. */
  #lanes = new Map<string, Work>();
  /**
   * Speed of each worker when it last computed. A spare worker keeps its value, because it could compute as fast again.
   */
  readonly #speeds = new Map<string, number>();
  /** Workers that have left. They count until their last step is out of the window. */
  readonly #gone = new Set<string>();

  /** A step was committed, `seconds` after it was assigned. A skipped one has no samples. */
  noteStep(work: Work): void {
    const computed = [...this.#lanes.keys()];
    this.#steps = [...this.#steps, { ...work, lanes: this.#lanes }].slice(-lastOnes);
    this.#lanes = new Map();
    for (const worker of computed) this.#speeds.set(worker, speedOf(this.#worksOf(worker)));
    for (const worker of this.#gone) {
      if (this.#isInSteps(worker)) continue;
      this.#speeds.delete(worker);
      this.#gone.delete(worker);
    }
  }

  /** Adds the time that a worker's engine took for a lane. Impossible times are ignored. */
  noteLane(worker: string, work: Work): void {
    const { samples, seconds } = work;
    if (!(samples > 0 && seconds > 0 && Number.isFinite(seconds))) return;
    this.#gone.delete(worker);
    const former = this.#lanes.get(worker) ?? nothing;
    this.#lanes.set(worker, { samples: former.samples + samples, seconds: former.seconds + seconds });
  }

  forget(worker: string): void {
    this.#gone.add(worker);
  }

  /** Images a second, from the assignment of steps to their commits; 0 before the first. */
  get imagesPerSecond(): number {
    return speedOf(this.#steps);
  }

  /** Images a second while the worker computes; 0 before its first step. */
  imagesPerSecondOf(worker: string): number {
    return this.#speeds.get(worker) ?? 0;
  }

  /** 1: every engine computes all the time; 0 while nothing is known. */
  get efficiency(): number {
    const possible = [...this.#speeds.values()].reduce((sum, speed) => sum + speed, 0);
    return possible > 0 ? this.imagesPerSecond / possible : 0;
  }

  #isInSteps(worker: string): boolean {
    return this.#lanes.has(worker) || this.#steps.some(({ lanes }) => lanes.has(worker));
  }

  #worksOf(worker: string): Work[] {
    return this.#steps.map(({ lanes }) => lanes.get(worker) ?? nothing);
  }
}

function speedOf(works: readonly Work[]): number {
  const total = (of: (work: Work) => number) => works.reduce((sum, work) => sum + of(work), 0);
  const seconds = total((work) => work.seconds);
  return seconds > 0 ? total((work) => work.samples) / seconds : 0;
}
