/**
 * The real core under virtual time: workers of given speeds carry their assignments out one after another, slices answer
 * at once. Nothing is computed; what is looked at is who computes what, and how long steps take.
 */
import type { Effect } from "../../coordinator/core/events.js";
import { CoreDriver } from "./core-driver.js";

type Gradients = {
  readonly step: number;
  readonly attempt: number;
  readonly lanes: readonly number[];
  readonly share: number;
};

interface PacedWorker {
  /** Virtual milliseconds that a lane takes. */
  laneMs: number;
  queue: Gradients[];
  /** Lanes of the first in the queue that are done, and the time at which the next one is. */
  done: number;
  nextMs: number;
}

const tickMs = 10;
const heartbeatMs = 1_000;

export class PacedCluster {
  readonly core: CoreDriver;
  readonly workers = new Map<string, PacedWorker>();
  /** Virtual milliseconds of each committed step. */
  readonly stepMs: number[] = [];
  #beganMs = 0;

  constructor(core: CoreDriver, paces: Readonly<Record<string, number>>) {
    this.core = core;
    for (const [id, laneMs] of Object.entries(paces)) {
      this.workers.set(id, { laneMs, queue: [], done: 0, nextMs: 0 });
    }
    core.begins(...this.workers.keys());
    this.#take(core.effects);
  }

  /** Until so many steps are committed; throws when nothing moves for a virtual minute. */
  commits(steps: number): void {
    const until = this.core.state.progress.step + steps;
    while (this.core.state.progress.step < until) {
      if (this.core.nowMs - this.#beganMs > 60_000) throw new Error("no commit for a minute");
      this.#take(this.core.passes(tickMs));
      if (this.core.nowMs % heartbeatMs === 0) this.#beat();
      for (const [id, worker] of this.workers) this.#work(id, worker);
      this.#finishStep();
    }
  }

  #beat(): void {
    for (const [id, { queue }] of this.workers) {
      this.#take(
        this.core.says(id, {
          kind: "heartbeat",
          phase: queue.length > 0 ? "compute" : "idle",
          share: 0,
          done: 0,
        }),
      );
    }
  }

  #take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.tag !== "send" || effect.body.kind !== "gradients") continue;
      const worker = this.workers.get(effect.worker);
      if (worker === undefined) continue;
      if (worker.queue.length === 0) worker.nextMs = this.core.nowMs + worker.laneMs;
      worker.queue.push(effect.body);
    }
  }

  /** What is of a former step is given up between two lanes. */
  #work(id: string, worker: PacedWorker): void {
    const task = worker.queue[0];
    if (task === undefined || this.core.nowMs < worker.nextMs) return;
    const isOver = task.step < this.core.state.progress.step;
    if (!isOver) {
      this.#take(this.core.record(id, task.lanes[worker.done] as number, task));
      worker.done += 1;
      worker.nextMs = this.core.nowMs + worker.laneMs;
    }
    if (!isOver && worker.done < task.lanes.length) return;
    worker.queue.shift();
    worker.done = 0;
    worker.nextMs = this.core.nowMs + worker.laneMs;
    this.#take(
      this.core.says(id, { kind: "settled", step: task.step, attempt: task.attempt, share: task.share }),
    );
  }

  #finishStep(): void {
    const { phase } = this.core.state;
    if (phase.tag !== "training") return;
    if (!phase.lanes.every((lane) => lane.tag === "arrived" || lane.tag === "absent")) return;
    this.#take(this.core.sliceWhole());
    this.#take(this.core.committed());
    this.stepMs.push(this.core.nowMs - this.#beganMs);
    this.#beganMs = this.core.nowMs;
  }
}

/** A long epoch without an evaluation, so that steps follow one another. */
export const longRun = (spec: ConstructorParameters<typeof CoreDriver>[0]): CoreDriver =>
  new CoreDriver(spec, spec.batchSize * 1_000, []);
