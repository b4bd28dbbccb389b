/** A run that is trained by a cluster on this machine: started, watched until it ends, its processes ended. */

import { LocalCluster } from "../local-cluster/local-cluster.js";
import type { ClusterAddresses } from "../local-cluster/local-coordinator.js";
import { deviceWords, imageCacheWords, ratioWords, traceWords } from "../local-cluster/process-flags.js";
import { withdrawRun } from "../runs/run-creation.js";
import { type WatchOptions, watchRun } from "../runs/watch-run.js";
import { limits } from "../shared/limits.js";
import type { DeviceFlags, ImageCacheFlags, TraceFlags } from "../shared/settings/process-settings.js";
import type { RunSpec } from "../shared/spec.js";
import type { RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";

export interface LocalTrainingOptions extends Partial<DeviceFlags & ImageCacheFlags & TraceFlags> {
  /** The store's address, for the processes of the cluster. */
  readonly store: string;
  readonly workers: number;
  readonly reducers: number;
  readonly logLevel: string;
  /** The processes go on when this one ends. Default: they end with it. */
  readonly detach?: boolean;
  /** Flags of a coordinator that resumes a run. */
  readonly changes?: readonly string[];
  /** A run that is not resumed is taken back when the cluster can't be started. */
  readonly isResumed: boolean;
  /** Called with a sentence for people. */
  readonly onNotice: (message: string) => void;
}

/** A coordinator that is started again may itself have to wait for a store that is away. */
const coordinatorAwayMs = 120_000;

/** The cluster of one run. `LocalTraining.start` makes it. */
export class LocalTraining {
  readonly addresses: ClusterAddresses;
  readonly #store: ObjectStore;
  readonly #run: string;
  readonly #cluster: LocalCluster;
  readonly #release: () => void;

  private constructor(
    store: ObjectStore,
    run: string,
    {
      cluster,
      addresses,
      release,
    }: { cluster: LocalCluster; addresses: ClusterAddresses; release: () => void },
  ) {
    this.addresses = addresses;
    this.#store = store;
    this.#run = run;
    this.#cluster = cluster;
    this.#release = release;
  }

  /**
   * Starts coordinator and workers. When `signal` aborts, now or later, the run is stopped after its current step and can be
   * resumed. Errors: USAGE when the coordinator refuses the run, FAILED when it is not ready in time, the signal's reason.
   */
  static async start(
    store: ObjectStore,
    { run }: Pick<RunSpec, "run">,
    options: LocalTrainingOptions,
    signal: AbortSignal,
  ): Promise<LocalTraining> {
    const cluster = new LocalCluster({
      ...options,
      run,
      detach: options.detach ?? false,
      workerFlags: [...deviceWords(options), ...imageCacheWords(options), ...traceWords(options)],
      coordinatorFlags: [...traceWords(options), ...ratioWords(options)],
    });
    const stop = () => cluster.stop();
    signal.addEventListener("abort", stop, { once: true });
    const release = () => signal.removeEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      return new LocalTraining(store, run, { cluster, addresses: await cluster.start(), release });
    } catch (error) {
      release();
      await cluster.close(0);
      if (!options.isResumed) await withdrawRun(store, run);
      throw error;
    }
  }

  /** The folder with the logs of coordinator and workers. */
  get logFolder(): string {
    return this.#cluster.logFolder;
  }

  /** Watches the run until it ends, then ends the processes. Errors: FAILED when the cluster can't go on. */
  async untilEnd(watch: Pick<WatchOptions, "onStatus" | "pollMs">): Promise<RunStatus> {
    const { http } = this.addresses;
    // The cluster knows when a coordinator is gone for good; until then it is waited for.
    const place = { http, run: this.#run, store: this.#store, awayMs: coordinatorAwayMs };
    const watching = new AbortController();
    try {
      const watched = watchRun({ ...watch, ...place, signal: watching.signal });
      watched.catch(() => undefined); // the race reports it
      return await Promise.race([watched, this.#cluster.failed]);
    } finally {
      watching.abort();
      this.#release();
      await this.#cluster.close(limits.drainMs);
    }
  }

  /** Lets the processes go on without this one. */
  detach(): void {
    this.#release();
    this.#cluster.detach();
  }
}

/** A sentence on workers that have no lane, or null: more workers than lanes only stand by. */
export function spareWorkersNotice({ lanes }: Pick<RunSpec, "lanes">, workers: number): string | null {
  const spares = workers - lanes;
  if (spares <= 0) return null;
  const count = lanes === 1 ? "1 lane" : `${lanes} lanes`;
  const who = spares === 1 ? "1 of them stands by" : `${spares} of them stand by`;
  return `${workers} workers, ${count}: ${who} (evaluation, and lanes of a worker that is lost)`;
}
