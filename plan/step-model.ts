/**
 * The model of one step, from a commit to the next, as discrete events: new weights go out to all workers while their
 * assignments arrive; each computes its lanes node by node and sends a node while it computes the next; reducers take,
 * add and report; the last report and record decide; reducers apply. Images of later steps are prepared meanwhile.
 * Alike workers are one class, so a thousand of them cost no more than one. Pure: the same scenario, the same figures.
 */
import { reducerWindowBytes } from "../shared/grpc/receive-window.js";
import { limits } from "../shared/limits.js";
import { engineSeconds, type Scenario, vectorBytes } from "./scenario.js";
import { Fluid, type Resource, type Use } from "./shared-resources.js";
import { type WorkerClass, workerClasses } from "./shares.js";

export interface StepPrediction {
  /** Seconds from one commit to the next, in the long run. */
  readonly seconds: number;
  /** What the time goes by, along the slowest way: they add up to `seconds`. */
  readonly parts: {
    /** The last worker has the new weights. */
    readonly weights: number;
    /** … the last lane is computed. */
    readonly compute: number;
    /** … every partial is added and every record there. */
    readonly upload: number;
    /** … every slice is updated. */
    readonly update: number;
    /** Waiting for images that are still being prepared. */
    readonly images: number;
  };
  readonly imagesPerSecond: number;
  /** Engine seconds of the step / (workers x seconds): 1 = nothing but computing, on every worker. */
  readonly efficiency: number;
  /** Bytes per step of all workers together, up and down. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export function predictStep(scenario: Scenario): StepPrediction {
  return new StepModel(scenario).predict();
}

/** The machines' parts that flows share. */
interface Machines {
  readonly cardIn: Resource;
  readonly cardOut: Resource;
  readonly reducers: Resource;
  readonly coordinatorCores: Resource;
}

/** A class at work. Its own thread and network card are those of one member; all members do the same at once. */
class WorkingClass {
  readonly share: WorkerClass;
  readonly thread: Use;
  readonly card: Resource;
  readonly cores: Use;
  /** Nodes that wait for the one on its way. */
  waiting = 0;
  isSending = false;

  constructor(share: WorkerClass, own: Pick<WorkingClass, "thread" | "card" | "cores">) {
    this.share = share;
    this.thread = own.thread;
    this.card = own.card;
    this.cores = own.cores;
  }

  /** So many seconds of a member's thread per unit of a flow. */
  onThread(perUnit: number): Use {
    return { resource: this.thread.resource, perUnit: this.thread.perUnit * perUnit };
  }

  /** So many cores of a member's machine per unit of a flow. */
  onCores(perUnit: number): Use {
    return { resource: this.cores.resource, perUnit: this.cores.perUnit * perUnit };
  }
}

class StepModel {
  readonly #scenario: Scenario;
  readonly #fluid = new Fluid();
  readonly #machines: Machines;
  readonly #classes: readonly WorkingClass[];
  readonly #bytes: number;
  /** Partials of a step, over all workers. */
  readonly #nodes: number;
  #missingNodes: number;
  #missingRecords: number;
  #isReported = false;
  readonly #at = { weights: 0, compute: 0, decided: 0, updated: 0, images: 0 };

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { work, cluster } = scenario;
    const shares = workerClasses(work.lanes, cluster.workers);
    this.#bytes = vectorBytes(work);
    this.#nodes = shares.reduce((sum, { count, nodes }) => sum + count * nodes.length, 0);
    this.#missingNodes = this.#nodes;
    this.#missingRecords = this.#nodes;
    const { machines, classes } = this.#build(shares);
    this.#machines = machines;
    this.#classes = classes;
  }

  predict(): StepPrediction {
    const { work, cluster } = this.#scenario;
    for (const one of this.#classes) this.#beginStep(one);
    this.#fluid.run();
    const { weights, compute, decided, updated, images } = this.#at;
    const seconds = Math.max(updated, images);
    return {
      seconds,
      parts: {
        weights,
        compute: compute - weights,
        upload: decided - compute,
        update: updated - decided,
        images: seconds - updated,
      },
      imagesPerSecond: work.images / seconds,
      efficiency: engineSeconds(this.#scenario) / (cluster.workers * seconds),
      bytesUp: this.#nodes * this.#bytes,
      bytesDown: cluster.workers * this.#bytes,
    };
  }

  /** Workers of several classes on one machine share all worker machines' cores, which is exact for one machine. */
  #build(shares: readonly WorkerClass[]) {
    const { cluster } = this.#scenario;
    const { workers, workersPerMachine, workersPerThread, cores, coordinatorCores, link, reducers } = cluster;
    const fluid = this.#fluid;
    const isApart = workersPerMachine === 1 && coordinatorCores !== null;
    const pool = fluid.resource(Math.ceil(workers / workersPerMachine) * cores);
    const machines: Machines = {
      cardIn: fluid.resource(link.bytesPerSecond),
      cardOut: fluid.resource(link.bytesPerSecond),
      reducers: fluid.resource(reducers),
      coordinatorCores: coordinatorCores === null ? pool : fluid.resource(coordinatorCores),
    };
    const threads = fluid.resource(Math.ceil(workers / workersPerThread));
    const own = (resource: Resource): Use => ({ resource, perUnit: 1 });
    const classes = shares.map(
      (share) =>
        new WorkingClass(share, {
          card: fluid.resource(link.bytesPerSecond / workersPerMachine),
          cores: isApart ? own(fluid.resource(cores)) : { resource: pool, perUnit: share.count },
          thread:
            workersPerThread === 1 ? own(fluid.resource(1)) : { resource: threads, perUnit: share.count },
        }),
    );
    return { machines, classes };
  }

  /** Weights and assignment are on their way at the same time. */
  #beginStep(one: WorkingClass): void {
    const { costs, cluster } = this.#scenario;
    const waitsFor = { count: 2 };
    const arrived = () => {
      waitsFor.count -= 1;
      if (waitsFor.count > 0 || one.share.nodes.length === 0) return;
      this.#at.weights = Math.max(this.#at.weights, this.#fluid.now);
      this.#fluid.after(costs.setWeightsSeconds, () => this.#compute(one, 0));
    };
    this.#fluid.after(2 * costs.hopSeconds + cluster.link.latencySeconds, arrived);
    this.#sendWeights(one, arrived);
    this.#prepareImages(one);
  }

  #sendWeights(one: WorkingClass, then: () => void): void {
    const { costs, cluster } = this.#scenario;
    const { cardOut, reducers, coordinatorCores } = this.#machines;
    const { count } = one.share;
    const uses: Use[] = [
      { resource: cardOut, perUnit: count },
      { resource: one.card, perUnit: 1 },
      { resource: reducers, perUnit: count * costs.reducerSendSeconds },
      { resource: coordinatorCores, perUnit: count * costs.reducerSendSeconds },
      one.onThread(costs.workerReceiveSeconds),
      one.onCores(costs.workerReceiveSeconds),
    ];
    const fastest = this.#streamRate(cluster.link.downBytesPerSecond, cluster.link.windowBytes);
    const pace = this.#threadPace(costs.workerReceiveSeconds, costs.reducerSendSeconds);
    this.#fluid.start({ size: this.#bytes, fastest, pace, uses }, () =>
      this.#fluid.after(cluster.link.latencySeconds + costs.hopSeconds, then),
    );
  }

  /** Rate of all slices' streams of one worker together: the measured rate, or one window per round trip on each stream if that is less. */
  #streamRate(alone: number, windowBytes: number): number {
    const { link, reducers } = this.#scenario.cluster;
    const roundTrip = 2 * link.latencySeconds;
    const limit = roundTrip === 0 ? Number.POSITIVE_INFINITY : (reducers * windowBytes) / roundTrip;
    return Math.min(alone, limit);
  }

  /** Bytes per second when both ends do nothing else. */
  #threadPace(workerSeconds: number, reducerSeconds: number): number {
    return 1 / Math.max(workerSeconds, reducerSeconds / this.#scenario.cluster.reducers);
  }

  /** The reducers' windows shrink with the lanes, since all may come up at once. */
  #uploadWindow(): number {
    const { work, cluster } = this.#scenario;
    return cluster.link.windowBytes * (reducerWindowBytes(work.lanes) / limits.receiveWindowBytes);
  }

  /** Prepared for a later step, as fast as the cores allow: in the long run a step is no shorter than that. */
  #prepareImages(one: WorkingClass): void {
    const { work, costs } = this.#scenario;
    const lanes = one.share.nodes.reduce((sum, node) => sum + node, 0);
    const size = (lanes / work.lanes) * work.images * costs.imageSeconds;
    this.#fluid.start({ size, fastest: limits.decodeThreads, uses: [one.onCores(1)] }, () => {
      if (size > 0) this.#at.images = Math.max(this.#at.images, this.#fluid.now);
    });
  }

  /** Lane by lane, then their sum; the next node is computed while this one goes up. */
  #compute(one: WorkingClass, index: number): void {
    const { work, costs } = this.#scenario;
    const lanes = one.share.nodes[index];
    if (lanes === undefined) return;
    const seconds = lanes * work.callsPerLane * costs.callSeconds;
    const threads = costs.engineThreads;
    const engine = { size: seconds * threads, fastest: threads, uses: [one.onCores(1)] };
    this.#fluid.start(engine, () => {
      const adding = (lanes - 1) * work.parameters * costs.workerAddSeconds;
      this.#fluid.start({ size: adding, fastest: 1, uses: [one.onCores(1)] }, () => {
        this.#at.compute = Math.max(this.#at.compute, this.#fluid.now);
        one.waiting += 1;
        this.#sendNext(one);
        this.#compute(one, index + 1);
      });
    });
  }

  /** One partial after another: the next begins when this one was acknowledged. */
  #sendNext(one: WorkingClass): void {
    if (one.isSending || one.waiting === 0) return;
    one.isSending = true;
    one.waiting -= 1;
    const { costs, cluster } = this.#scenario;
    const { cardIn, reducers, coordinatorCores } = this.#machines;
    const { count } = one.share;
    const uses: Use[] = [
      { resource: cardIn, perUnit: count },
      { resource: one.card, perUnit: 1 },
      { resource: reducers, perUnit: count * costs.reducerReceiveSeconds },
      { resource: coordinatorCores, perUnit: count * costs.reducerReceiveSeconds },
      one.onThread(costs.workerSendSeconds),
      one.onCores(costs.workerSendSeconds),
    ];
    const fastest = this.#streamRate(cluster.link.upBytesPerSecond, this.#uploadWindow());
    const pace = this.#threadPace(costs.workerSendSeconds, costs.reducerReceiveSeconds);
    this.#fluid.start({ size: this.#bytes, fastest, pace, uses }, () =>
      this.#fluid.after(cluster.link.latencySeconds + costs.hopSeconds, () => this.#add(one)),
    );
  }

  /** Adds an arrived partial. n partials need n - 1 additions, so each arrival costs (n - 1) / n of one. */
  #add(one: WorkingClass): void {
    const { work, costs, cluster } = this.#scenario;
    const seconds = work.parameters * costs.addSeconds * ((this.#nodes - 1) / this.#nodes) * one.share.count;
    this.#reduce(seconds, () => {
      this.#missingNodes -= one.share.count;
      if (this.#missingNodes === 0) this.#report();
      const answered = cluster.link.latencySeconds + costs.hopSeconds;
      this.#fluid.after(answered, () => {
        one.isSending = false;
        this.#sendNext(one);
        this.#fluid.after(cluster.link.latencySeconds + costs.hopSeconds, () => {
          this.#missingRecords -= one.share.count;
          this.#decideIfWhole();
        });
      });
    });
  }

  #report(): void {
    const { work, costs } = this.#scenario;
    this.#reduce(work.parameters * costs.reportSeconds, () =>
      this.#fluid.after(costs.hopSeconds, () => {
        this.#isReported = true;
        this.#decideIfWhole();
      }),
    );
  }

  #decideIfWhole(): void {
    if (!this.#isReported || this.#missingRecords > 0) return;
    const { work, costs } = this.#scenario;
    this.#at.decided = this.#fluid.now;
    this.#fluid.after(costs.hopSeconds, () =>
      this.#reduce(work.parameters * costs.applySeconds, () => {
        this.#at.updated = this.#fluid.now;
      }),
    );
  }

  /** Seconds of one thread, spread over the reducers. */
  #reduce(seconds: number, then: () => void): void {
    const { reducers, coordinatorCores } = this.#machines;
    const uses = [
      { resource: reducers, perUnit: 1 },
      { resource: coordinatorCores, perUnit: 1 },
    ];
    this.#fluid.start({ size: seconds, fastest: this.#scenario.cluster.reducers, uses }, then);
  }
}
