/**
 * The run that a worker serves, and what it has prepared for it. One worker serves one run: what is prepared outlives
 * lost connections and is used again when the coordinator, or its successor, welcomes the worker again.
 */
import { TrainyardError } from "../shared/errors.js";
import type { RunSpec } from "../shared/spec.js";
import { stepIdentity } from "../shared/spec-changes.js";
import type { RunLocation } from "./end-watch.js";
import type { PreparedRun } from "./prepared-run.js";

export interface RunPreparationOptions {
  /** host:port, for messages. */
  readonly coordinator: string;
  /** The run that the worker is for. Default: that of the first coordinator that welcomes it. */
  readonly run?: RunLocation;
  /** Overrides the store that the coordinator names. */
  readonly store?: string;
  /** Errors: INTERRUPTED when this process can't compute with such an engine. */
  readonly requireEngine?: (engine: RunSpec["engine"]) => void;
  readonly prepare: (spec: RunSpec, store: string, keysFollow: boolean) => Promise<PreparedRun>;
}

export class RunPreparation {
  readonly #options: RunPreparationOptions;
  #run: RunLocation | undefined;
  #prepared: { readonly identity: string; readonly run: Promise<PreparedRun> } | undefined;

  constructor(options: RunPreparationOptions) {
    this.#options = options;
    this.#run = options.run;
  }

  /** The run that the worker serves; undefined while it serves any coordinator's. */
  get run(): RunLocation | undefined {
    return this.#run;
  }

  /** Takes a coordinator's run. Errors: REFUSED when the worker is for another run; those of `requireEngine`. */
  accept(spec: RunSpec, { run, store, generation }: RunLocation): void {
    const { coordinator, requireEngine, store: own = store } = this.#options;
    if (this.#run !== undefined && this.#run.run !== run) {
      throw new TrainyardError(
        "REFUSED",
        `the coordinator at ${coordinator} has the run ${run}, this worker is for ${this.#run.run}: start another worker for it`,
      );
    }
    requireEngine?.(spec.engine);
    this.#run = { run, store: own, ...(generation !== undefined && { generation }) };
  }

  /**
   * Prepares the run, or returns what was prepared before, unless its engine died. Errors: REFUSED when the run's spec
   * would give other bits than the one that was prepared; those of `prepare`, after which the next call tries again.
   */
  async prepare(spec: RunSpec, store: string, keysFollow: boolean): Promise<PreparedRun> {
    const { prepare, store: own = store } = this.#options;
    const identity = stepIdentity(spec);
    if (this.#prepared !== undefined && this.#prepared.identity !== identity) {
      const sentence = `the run ${spec.run} has another spec now: start a new worker for it`;
      throw new TrainyardError("REFUSED", sentence);
    }
    this.#prepared ??= { identity, run: prepare(spec, own, keysFollow) };
    const run = await this.#prepared.run.catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    if (!run.engine.isDead) return run;
    this.#prepared = undefined;
    await run.close();
    return await this.prepare(spec, store, keysFollow);
  }

  async close(): Promise<void> {
    const run = await this.#prepared?.run.catch(() => undefined);
    await run?.close();
  }
}
