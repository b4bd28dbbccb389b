/**
 * Answers what clients, pages and workers ask a standing coordinator, over any transport: runs are submitted,
 * described, followed and stopped, and workers learn why they have to wait.
 */
import type { Clock } from "../../shared/clock.js";
import { asTrainyardError, TrainyardError } from "../../shared/errors.js";
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import { isSameEntry, placeInWords, type QueueEntry } from "../../shared/queue.js";
import { type RunEvent, sealedEvents } from "../../shared/run-events.js";
import { listRuns, resolveRun } from "../../shared/runs.js";
import { fetchStatus, hasEnded, type RunStatus } from "../../shared/status.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Shell } from "../shell.js";
import type { RunQueue } from "./queue.js";
import { queuedStatus } from "./queued-status.js";
import type { AskStatus, CreatedRun, RunCatalogue } from "./run-catalogue.js";
import { outcomeOf, type RunOutcome } from "./run-outcome.js";

/** The run that the coordinator carries out now. */
export interface CurrentRun {
  readonly run: string;
  /** The entry of the queue whose turn it is. */
  readonly entry: QueueEntry;
  /** True when the run was asked to stop, or has ended: its entry is about to leave the queue. */
  readonly isEnding: boolean;
  /** The run's shell; null while the run is being read and taken. */
  readonly shell: Shell | null;
  /** Ends the run, as a user asked. */
  stop(): void;
}

/**
 * `waiting`: another coordinator still serves the queue. `serving`: this one does. `ending`: this one is about to end.
 */
export type Standing = "waiting" | "serving" | "ending";

/** What the queue service needs of the standing coordinator. */
export interface QueueServiceOptions {
  readonly store: ObjectStore;
  readonly queue: RunQueue;
  readonly catalogue: RunCatalogue;
  readonly clock: Clock;
  readonly standing: () => Standing;
  readonly current: () => CurrentRun | null;
  /** Why a run could not be begun; undefined when no such failure is known. */
  readonly failure: (run: string) => string | undefined;
}

/** A run that was handed in, and where it stands. */
export interface Submitted extends CreatedRun {
  /** queued, current, or how it ended. */
  readonly state: string;
  readonly ahead: number;
}

/** Interval at which a followed run is checked for changes. */
const lookMs = 500;

/** The operations on runs that a standing coordinator offers. */
export class QueueService {
  readonly #options: QueueServiceOptions;
  /** The last submission; they are handled one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: QueueServiceOptions) {
    this.#options = options;
  }

  /** Errors: those of RunCatalogue.create, UNREACHABLE while it takes no runs. */
  async submit(dataset: string, flags: unknown, by: string, signal: AbortSignal): Promise<Submitted> {
    return await this.#oneAtATime(async () => {
      this.#requireServing();
      const created = await this.#options.catalogue.create(dataset, flags, signal);
      const outcome = await outcomeOf(this.#options.store, created.run, 0, signal);
      if (outcome.tag !== "over") return await this.#enqueue(created, by, 0);
      const note = `${created.run} ${outcome.outcome}: ${outcome.reason}`;
      return { ...created, state: outcome.outcome, ahead: 0, notes: [...created.notes, note] };
    });
  }

  /**
   * Queues a stored run that is not over. A run that is just ending is queued anew, and goes on from where it ended. Errors:
   * NOT_FOUND, ALREADY_EXISTS (it has finished), UNREACHABLE.
   */
  async resume(name: string, by: string, signal: AbortSignal): Promise<Submitted> {
    return await this.#oneAtATime(async () => {
      this.#requireServing();
      const { store } = this.#options;
      const run = await resolveRun(store, name, signal);
      const outcome = await outcomeOf(store, run, 0, signal);
      if (outcome.tag === "over" && outcome.outcome === "finished") {
        throw new TrainyardError(
          "ALREADY_EXISTS",
          `the run ${run} has finished: train again under another name`,
        );
      }
      const after = outcome.tag === "unknown" ? 0 : outcome.generation;
      return await this.#enqueue({ run, isNew: false, notes: [] }, by, after, this.#leaving(run));
    });
  }

  /** Every run of the store, by name. One that can't be read must not hide the others. Errors: the store's. */
  async *list(signal: AbortSignal): AsyncGenerator<{ run: string; description: object }> {
    for (const run of await listRuns(this.#options.store, signal)) {
      const described = await this.#describe(run, signal).catch((caught: unknown) => {
        const error = asTrainyardError(caught);
        if (error.code !== "DAMAGED" && error.code !== "NOT_FOUND") throw error;
        return { run, damaged: error.message };
      });
      yield { run, description: described };
    }
  }

  /** Errors: NOT_FOUND with the nearest names; those of RunCatalogue.describe. */
  async show(name: string, signal: AbortSignal): Promise<{ run: string; description: object }> {
    const run = await this.#resolve(name, signal);
    return { run, description: await this.#describe(run, signal) };
  }

  /**
   * Stops the current run, and takes a waiting one out of the queue. Repeating it does no harm. Errors: NOT_FOUND with the
   * nearest names, the store's.
   */
  async stop(name: string, signal: AbortSignal): Promise<{ run: string; state: string }> {
    const run = await this.#resolve(name, signal);
    const { queue, current } = this.#options;
    const stopCurrent = () => {
      const underWay = current();
      if (underWay?.run === run) underWay.stop();
      return underWay?.run === run ? underWay.entry : null;
    };
    const underWay = stopCurrent();
    const waiting = queue.find(run, underWay);
    if (waiting !== undefined) await queue.remove(waiting);
    // Its turn may have come while it was being removed.
    if (underWay !== null || stopCurrent() !== null) return { run, state: "stopping" };
    return { run, state: waiting === undefined ? "idle" : "cancelled" };
  }

  /**
   * The run's status, again after each change, until the run has ended. Errors: NOT_FOUND, FAILED, USAGE when the run
   * is not queued here.
   */
  async *follow(name: string, signal: AbortSignal): AsyncGenerator<RunStatus> {
    const run = await this.#resolve(name, signal);
    let last = "";
    while (!signal.aborted) {
      const status = await this.#statusOf(run, signal);
      const text = JSON.stringify(status);
      if (text !== last) yield status;
      last = text;
      if (hasEnded(status.phase)) return;
      await this.#options.clock.sleep(lookMs, signal);
    }
  }

  /** Events of a run so far; with `isFollowed` also those to come, until the run has ended. */
  async *logs(name: string, isFollowed: boolean, signal: AbortSignal): AsyncGenerator<RunEvent> {
    const { store, clock } = this.#options;
    const run = await this.#resolve(name, signal);
    const shell = isFollowed ? await this.#untilBegun(run, signal) : this.#shellOf(run);
    yield* sealedEvents(store, run, shell?.state.run.generation, signal);
    if (shell === null) return;
    for (let from = 0; !signal.aborted; ) {
      const isLast = !isFollowed || this.#shellOf(run) !== shell;
      const { events, next } = shell.journal.eventsFrom(from);
      yield* events;
      from = next;
      if (isLast) return;
      await clock.sleep(lookMs, signal);
    }
  }

  /** The answer to a worker that asks for no run, or for another run than the current one. Never throws. */
  async answerWorker(run: string): Promise<CoordinatorBody> {
    try {
      return await this.#answerWorker(run);
    } catch (caught) {
      return wait(`the run ${run} can't be looked up: ${asTrainyardError(caught).message}`);
    }
  }

  /** The current run and the queue, for pages. */
  get view(): { readonly current: string | null; readonly queue: readonly QueueEntry[] } {
    const { queue, current } = this.#options;
    return { current: current()?.run ?? null, queue: queue.entries };
  }

  async #answerWorker(run: string): Promise<CoordinatorBody> {
    const { standing, queue, store } = this.#options;
    if (standing() === "ending") return wait("the coordinator is about to end");
    if (standing() === "waiting") return wait("the coordinator does not serve its queue yet");
    const ahead = queue.ahead(run);
    if (ahead !== null) return wait(`the run ${run} is queued: ${placeInWords(ahead)}`);
    if (run === "") return wait("no run yet");
    const outcome = await outcomeOf(store, run);
    if (outcome.tag === "over" && outcome.outcome === "finished") {
      return { kind: "finished", outcome: outcome.outcome, message: outcome.reason };
    }
    return { kind: "refused", code: "REFUSED", message: whyNot(run, outcome), retry: false };
  }

  /** The entry of a run that is just ending; null for any other run. */
  #leaving(run: string): QueueEntry | null {
    const current = this.#options.current();
    return current?.run === run && current.isEnding ? current.entry : null;
  }

  async #enqueue(
    created: CreatedRun,
    by: string,
    after: number,
    leaving: QueueEntry | null = null,
  ): Promise<Submitted> {
    const { queue, current, clock } = this.#options;
    const { run } = created;
    const wasQueued = queue.find(run, leaving) !== undefined;
    const entry = await queue.add({ run, by, after, submittedAt: clock.date().toISOString() }, leaving);
    const turn = current();
    const state = turn !== null && isSameEntry(turn.entry, entry) ? "current" : "queued";
    const notes = wasQueued ? [...created.notes, `the run ${run} is in the queue already`] : created.notes;
    return { ...created, notes, state, ahead: queue.ahead(run, leaving) ?? 0 };
  }

  /** The status of a run as its followers see it. They follow a run that was handed in again beyond its present end. */
  async #statusOf(run: string, signal: AbortSignal): Promise<RunStatus> {
    const { store, queue, catalogue, failure } = this.#options;
    const shell = this.#shellOf(run);
    const leaving = this.#leaving(run);
    const isHandedInAgain = leaving !== null && queue.find(run, leaving) !== undefined;
    if (shell !== null && !(isHandedInAgain && hasEnded(shell.status.phase))) return shell.status;
    const ahead = queue.ahead(run, leaving);
    if (ahead !== null) return await queuedStatus(store, run, ahead, signal);
    const end = await catalogue.end(run);
    if (end !== null) return end;
    const reason = failure(run);
    if (reason !== undefined)
      throw new TrainyardError("FAILED", `the run ${run} could not be begun: ${reason}`);
    throw new TrainyardError(
      "USAGE",
      `the run ${run} is not in the queue of this coordinator: trainyard submit --resume ${run} puts it there`,
    );
  }

  async #untilBegun(run: string, signal: AbortSignal): Promise<Shell | null> {
    const { queue, clock } = this.#options;
    while (this.#shellOf(run) === null && queue.find(run) !== undefined && !signal.aborted) {
      await clock.sleep(lookMs, signal);
    }
    return this.#shellOf(run);
  }

  #shellOf(run: string): Shell | null {
    const current = this.#options.current();
    return current?.run === run ? current.shell : null;
  }

  /** Describes a run. The current run's status is asked here, that of another coordinator's run over HTTP. */
  #describe(run: string, signal: AbortSignal): Promise<object> {
    const shell = this.#shellOf(run);
    const ask: AskStatus = shell === null ? askAnother(signal) : async () => shell.status;
    return this.#options.catalogue.describe(run, ask, signal);
  }

  #resolve(name: string, signal: AbortSignal): Promise<string> {
    return resolveRun(this.#options.store, name, signal);
  }

  #requireServing(): void {
    const standing = this.#options.standing();
    if (standing === "serving") return;
    const why = standing === "ending" ? "is about to end" : "does not serve its queue yet";
    throw new TrainyardError("UNREACHABLE", `the coordinator ${why}: try again in a moment`);
  }

  async #oneAtATime<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(call);
    this.#last = mine.catch(() => undefined); // its caller sees the error
    return await mine;
  }
}

/** Asks another coordinator over HTTP. One that refuses this coordinator counts as one that does not answer. */
const askAnother =
  (signal: AbortSignal): AskStatus =>
  (http, run) =>
    fetchStatus(http, run, signal).catch((cause: unknown) => {
      throw new TrainyardError("UNREACHABLE", asTrainyardError(cause).message, { cause });
    });

const wait = (message: string): CoordinatorBody => ({
  kind: "refused",
  code: "REFUSED",
  message,
  retry: true,
});

function whyNot(run: string, outcome: RunOutcome): string {
  if (outcome.tag === "unknown") return `there is no run ${run}`;
  if (outcome.tag === "open") return `the run ${run} is not in the queue: trainyard submit --resume ${run}`;
  return `the run ${run} is over, ${outcome.outcome}: ${outcome.reason}`;
}
