/**
 * Discrete events over shared resources: flows (bytes, seconds of computing) that run at the same time and share what
 * they use, and delays. Between two events every rate is constant. No clock: time is a number that this file counts.
 *
 * Sharing is max-min fair: all flows grow at their own pace until they can't go faster or a resource is full; the others
 * grow on (progressive filling, Bertsekas and Gallager, Data Networks, 6.5.2). With the pace at what a whole thread
 * does, threads get equal parts of busy cores and streams equal parts of a link, and who needs less leaves the rest.
 */

/** A number of units per second, shared by those that use it. */
export type Resource = number & { readonly brand: "resource" };

export interface Use {
  readonly resource: Resource;
  /** Units of the resource per unit of the flow. */
  readonly perUnit: number;
}

export interface Flow {
  /** Amount of the flow, in units of its own. */
  readonly size: number;
  /** Units per second when it has everything for itself; Infinity: only its resources limit it. */
  readonly fastest: number;
  /** Units per second of one whole thread: how it grows beside others. Default: as fast as it can. */
  readonly pace?: number;
  readonly uses: readonly Use[];
}

interface Running {
  remaining: number;
  rate: number;
  readonly size: number;
  readonly fastest: number;
  readonly pace: number;
  readonly uses: readonly Use[];
  readonly then: () => void;
}

interface Timer {
  readonly at: number;
  readonly then: () => void;
}

/** A flow counts as finished when this share or less of it remains; the rest is rounding. */
const roundingShare = 1e-9;

export class Fluid {
  readonly #capacities: number[] = [];
  #flows: Running[] = [];
  #timers: Timer[] = [];
  #now = 0;

  /** Seconds since the beginning. */
  get now(): number {
    return this.#now;
  }

  resource(unitsPerSecond: number): Resource {
    this.#capacities.push(unitsPerSecond);
    return (this.#capacities.length - 1) as Resource;
  }

  after(seconds: number, then: () => void): void {
    this.#timers.push({ at: this.#now + seconds, then });
  }

  /** A flow that nothing limits is over at once. */
  start({ size, fastest, pace = fastest, uses }: Flow, then: () => void): void {
    const used = uses.filter(({ perUnit }) => perUnit > 0);
    const limit = used.reduce(
      (least, { resource, perUnit }) => Math.min(least, (this.#capacities[resource] as number) / perUnit),
      fastest,
    );
    if (size <= 0 || limit === Number.POSITIVE_INFINITY) return this.after(0, then);
    const own = Number.isFinite(pace) ? Math.max(pace, limit) : limit;
    this.#flows.push({ remaining: size, rate: 0, size, fastest: limit, pace: own, uses: used, then });
  }

  /** Until nothing is under way; returns the time. */
  run(): number {
    while (this.#flows.length > 0 || this.#timers.length > 0) {
      this.#setRates();
      this.#advance(this.#untilNext());
      this.#settle();
    }
    return this.#now;
  }

  #untilNext(): number {
    let seconds = Number.POSITIVE_INFINITY;
    for (const { remaining, rate } of this.#flows) seconds = Math.min(seconds, remaining / rate);
    for (const { at } of this.#timers) seconds = Math.min(seconds, at - this.#now);
    if (seconds === Number.POSITIVE_INFINITY) throw new Error("invariant broken: flows that never end");
    return Math.max(0, seconds);
  }

  #advance(seconds: number): void {
    this.#now += seconds;
    for (const flow of this.#flows) flow.remaining -= flow.rate * seconds;
  }

  /** In the order in which they were begun. */
  #settle(): void {
    const isOver = (flow: Running) => flow.remaining <= flow.size * roundingShare;
    const isDue = ({ at }: Timer) => at <= this.#now + roundingShare * this.#now;
    const over = [...this.#flows.filter(isOver), ...this.#timers.filter(isDue)];
    this.#flows = this.#flows.filter((flow) => !isOver(flow));
    this.#timers = this.#timers.filter((timer) => !isDue(timer));
    for (const { then } of over) then();
  }

  #setRates(): void {
    const free = [...this.#capacities];
    let growing = this.#flows;
    while (growing.length > 0) {
      const levels = this.#levelsWhenFull(free, growing);
      const level = Math.min(...levels, ...growing.map(({ fastest, pace }) => fastest / pace));
      const reached = level * (1 + roundingShare);
      const isStopped = ({ fastest, pace, uses }: Running) =>
        fastest / pace <= reached || uses.some(({ resource }) => (levels[resource] as number) <= reached);
      for (const flow of growing.filter(isStopped)) {
        flow.rate = Math.min(flow.fastest, flow.pace * level);
        for (const { resource, perUnit } of flow.uses) {
          free[resource] = Math.max(0, (free[resource] as number) - flow.rate * perUnit);
        }
      }
      growing = growing.filter((flow) => !isStopped(flow));
    }
  }

  /** For each resource, the multiple of their paces at which the flows would use all of its free capacity. */
  #levelsWhenFull(free: readonly number[], flows: readonly Running[]): number[] {
    const demand = free.map(() => 0);
    for (const { pace, uses } of flows) {
      for (const { resource, perUnit } of uses)
        demand[resource] = (demand[resource] as number) + pace * perUnit;
    }
    return free.map((units, at) =>
      demand[at] === 0 ? Number.POSITIVE_INFINITY : units / (demand[at] as number),
    );
  }
}
