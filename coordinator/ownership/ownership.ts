/**
 * Owning a run: a coordinator creates one generation number, renews its record every few seconds, and loses the run for
 * good as soon as a higher number exists (docs/design/store-and-fencing.md). takeover.ts decides who may take a run;
 * generation-fence.ts refuses the writes of a coordinator that has lost it.
 */
import type { Clock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import {
  type ClosingRecord,
  type GenerationRecord,
  generationKey,
  isSameOwner,
  listGenerationNumbers,
  readGeneration,
} from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import type { Logger } from "../../shared/log.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { rewriteRecord, takeNumber } from "./generation-record.js";

/** What is owned, and what ownership needs for it. */
export interface OwnershipOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** What is owned, in messages. Default: the run, by its name. */
  readonly subject?: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info" | "warn">;
}

const subjectOf = ({ run, subject = `the run ${run}` }: OwnershipOptions) => subject;

/** Settled once what the run goes on from is known. */
type Settled = Required<Pick<GenerationRecord, "from" | "changes">>;

/** The ownership of a run by one coordinator: its number, its renewals, and the fence. */
export class Ownership {
  readonly #options: OwnershipOptions;
  readonly #fence = new AbortController();
  #record: GenerationRecord;
  /** The last of the calls that read or write the record: one at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #callOff: () => void = () => undefined;
  #isStopped = false;
  #isOutage = false;

  private constructor(options: OwnershipOptions, record: GenerationRecord) {
    this.#options = options;
    this.#record = record;
    this.#renewLater();
  }

  /** Takes the number and begins to renew it. Errors: ALREADY_EXISTS when another one was faster; the store's. */
  static async claim(options: OwnershipOptions, record: GenerationRecord): Promise<Ownership> {
    if (await takeNumber(options.store, options.run, record)) return new Ownership(options, record);
    const see = options.subject === undefined ? `: see trainyard runs show ${options.run}` : "";
    throw new TrainyardError(
      "ALREADY_EXISTS",
      `another coordinator has just taken or finished ${subjectOf(options)}${see}`,
    );
  }

  get generation(): number {
    return this.#record.generation;
  }

  /** Aborted, with a FENCED error as its reason, when the run is another coordinator's. */
  get fenced(): AbortSignal {
    return this.#fence.signal;
  }

  /** Writes down what the run goes on from, and with which spec. Errors: FENCED, the store's. */
  async settle(settled: Settled): Promise<void> {
    await this.#oneAtATime(async () => {
      await this.#confirm();
      await this.#rewrite({ ...this.#record, ...settled }, this.#fence.signal);
    });
  }

  /**
   * Errors: FENCED when a higher number is there, or when its own is gone with its run or is another coordinator's, as after
   * the run was deleted and begun anew; the store's.
   */
  async confirm(): Promise<void> {
    await this.#oneAtATime(() => this.#confirm());
  }

  /**
   * Closes a finished run: takes the next number, with the folder of the published result, so that no coordinator goes
   * on with the run. Repeating the call does no harm. Errors: FENCED when another coordinator has that number; the
   * store's.
   */
  async finish(published: string): Promise<void> {
    const { generation, changes } = this.#record;
    const closing: ClosingRecord = { generation: generation + 1, closes: generation, published, changes };
    await this.#oneAtATime(async () => {
      this.#fence.signal.throwIfAborted();
      if (await takeNumber(this.#options.store, this.#options.run, closing, this.#fence.signal)) {
        this.#isStopped = true;
      } else {
        await this.#confirm();
      }
    });
  }

  /** Gives the number back that nothing was done with, unless it is another coordinator's by now. Errors: the store's. */
  async release(): Promise<void> {
    await this.stop();
    const { store, run } = this.#options;
    if (await this.#hasItsNumber()) await store.delete(generationKey(run, this.generation));
  }

  /** No more renewals; waits for the one under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#callOff();
    await this.#last;
  }

  #renewLater(): void {
    if (this.#isStopped || this.fenced.aborted) return;
    this.#callOff = this.#options.clock.after(limits.renewMs, () => {
      void this.#oneAtATime(() => this.#renew()).finally(() => this.#renewLater());
    });
  }

  /** Renews the record. While the store does not answer this waits: no other coordinator can take the run either. */
  async #renew(): Promise<void> {
    if (this.#isStopped || this.fenced.aborted) return;
    const { clock, logger } = this.#options;
    const subject = subjectOf(this.#options);
    const deadline = new AbortController();
    const callOff = clock.after(limits.renewCallMs, () => deadline.abort());
    try {
      await this.#confirm(deadline.signal);
      await this.#rewrite({ ...this.#record, renewals: this.#record.renewals + 1 }, deadline.signal);
      if (this.#isOutage) logger.info(`${subject} is renewed in the store again`);
      this.#isOutage = false;
    } catch (error) {
      if (this.fenced.aborted || this.#isOutage) return;
      this.#isOutage = true;
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn(`${subject} can't be renewed in the store, which is tried on and on: ${reason}`);
    } finally {
      callOff();
    }
  }

  async #rewrite(record: GenerationRecord, signal: AbortSignal): Promise<void> {
    await rewriteRecord(this.#options.store, this.#options.run, record, signal);
    this.#record = record;
  }

  async #confirm(signal: AbortSignal = this.#fence.signal): Promise<void> {
    this.fenced.throwIfAborted();
    const { store, run } = this.#options;
    const numbers = await listGenerationNumbers(store, run, signal);
    const newest = numbers.at(-1) ?? 0;
    if (newest > this.generation) this.#close(await this.#successor(newest, signal));
    if (!numbers.includes(this.generation) || !(await this.#hasItsNumber(signal)))
      this.#close(`${subjectOf(this.#options)} was deleted: this coordinator ends here`);
  }

  /** False when the record under its number is gone, or is that of another coordinator. */
  async #hasItsNumber(signal?: AbortSignal): Promise<boolean> {
    const { store, run } = this.#options;
    const entry = await readGeneration(store, run, this.generation, signal);
    if (entry === null) return false;
    return entry.tag === "unreadable" || (entry.tag === "owner" && isSameOwner(entry.record, this.#record));
  }

  async #successor(newest: number, signal: AbortSignal): Promise<string> {
    const { store, run } = this.#options;
    const entry = await readGeneration(store, run, newest, signal);
    const by = entry?.tag === "owner" ? ` by the coordinator at ${entry.record.address}` : "";
    return `${subjectOf(this.#options)} was taken over${by} (generation ${newest}): this one, generation ${this.generation}, ends here; what it wrote since then counts for nothing`;
  }

  #close(sentence: string): never {
    const error = new TrainyardError("FENCED", sentence);
    this.#fence.abort(error);
    throw error;
  }

  async #oneAtATime<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(call);
    this.#last = mine.catch(() => undefined); // its caller sees the error
    return await mine;
  }
}
