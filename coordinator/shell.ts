/**
 * Carries out what the core decides. It owns sockets, threads, files and the clock, and makes no choices: events
 * go in one at a time, effects are done in their order, and what they bring about comes back as events.
 */
import { randomBytes } from "node:crypto";
import { type Clock, realClock } from "../shared/clock.js";
import { assertNever, asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { CoordinatorBody, SliceEndpoint } from "../shared/grpc/control-messages.js";
import type { ModelLayout } from "../shared/layout.js";
import type { Logger } from "../shared/log.js";
import type { CoordinatorMetrics } from "../shared/metrics.js";
import { decimals, percent, whole } from "../shared/readable-numbers.js";
import type { RunResult } from "../shared/result.js";
import type { ServerSecurity } from "../shared/security/server-security.js";
import type { RunSpec } from "../shared/spec.js";
import type { RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { noTracer, type Tracer } from "../shared/tracing.js";
import { CheckpointQueue } from "./checkpoints/checkpoint-queue.js";
import { CheckpointWriter, type WrittenCheckpoint } from "./checkpoints/checkpoint-writer.js";
import type { Restoration } from "./checkpoints/restoration.js";
import type { CoreEvent, Effect } from "./core/events.js";
import type { CoreState, Outcome } from "./core/state.js";
import { transition } from "./core/transition.js";
import { Journal } from "./journal.js";
import { Observations } from "./observability/observations.js";
import { RunTraces } from "./observability/run-traces.js";
import { momentVectorsOf } from "./optimizers/registry.js";
import { recordEnd } from "./ownership/generation-record.js";
import { publishRun } from "./publish.js";
import { type PoolOptions, ReducerPool, type WholeVectors } from "./reducers/pool.js";
import { joinChecksums } from "./reducers/slices.js";
import { issueTicket } from "./reducers/tickets.js";
import { resultOf } from "./result.js";
import type { RunKeys } from "./run-keys.js";
import { judgeSpace, spaceNeeded } from "./space.js";
import { statusOf } from "./status.js";
import { isOutage } from "./store-outages.js";
import type { WorkerStreams } from "./worker-streams.js";

/** How often time passes for the core. */
const tickMs = 100;
/** Two machines of a mixed fleet may differ by this, relative to the norm of a node's sum. */
const mixedTolerance = 1e-3;
/** A store that made the run fail may also be why its end can't be written: it is not waited for. */
const endRecordMs = 3_000;

/** Effects that the reducers carry out. */
type StepEffect = Extract<
  Effect,
  { tag: "beginStep" | "grant" | "watch" | "findMissingLanes" | "apply" | "skip" }
>;
/** Effects that change nothing in the run: they are counted, logged or kept in the journal. */
type ObservationEffect = Extract<Effect, { tag: "dropped" | "late" | "audited" | "excluded" | "log" }>;

/** What the shell needs of the control plane. */
export type Control = Pick<WorkerStreams, "send" | "disconnect" | "close">;
/** What the shell needs of the reducers. */
export type Reducers = Pick<ReducerPool, keyof ReducerPool>;

/** Settings of the shell. */
export interface ShellOptions {
  readonly spec: RunSpec;
  readonly store: ObjectStore;
  /** The address at which workers open the store; they may run in another folder. */
  readonly storeAddress: string;
  readonly state: CoreState;
  /** What a former coordinator left; without it the run begins. */
  readonly restoration?: Restoration | null;
  /** Checkpoints of former coordinators that nothing rests on, to be deleted. Default: none. */
  readonly abandoned?: readonly string[];
  /** Where slices listen; port 0 = any. */
  readonly host: string;
  readonly tensorPort: number;
  readonly reducers: number;
  /** Store keys for workers. Default: workers have their own, or need none. */
  readonly keys?: RunKeys | undefined;
  /** The slices' certificate. Default: plain text. */
  readonly security?: Pick<ServerSecurity, "tls">;
  readonly logger: Logger;
  readonly metrics: CoordinatorMetrics;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** Default: the real one. */
  readonly clock?: Clock;
  /** Closes the run with what was published in that folder (coordinator/ownership). Default: nothing is closed. */
  readonly finish?: (folder: string) => Promise<void>;
  /** Default: threads. */
  readonly openReducers?: (options: PoolOptions) => Reducers;
}

/** Runs the core of one run: passes events in, and carries its effects out. */
export class Shell {
  readonly #options: ShellOptions;
  readonly #clock: Clock;
  readonly #observations: Observations;
  readonly #traces: RunTraces;
  readonly #journal: Journal;
  readonly #checkpoints: CheckpointWriter;
  readonly #saving: CheckpointQueue;
  readonly ended: Promise<Outcome>;
  #state: CoreState;
  #control: Control | undefined;
  #pool: Reducers | undefined;
  #slices: readonly SliceEndpoint[] = [];
  readonly #ticketSecret = randomBytes(32);
  /** The number of each present worker's admission to the slices. */
  readonly #admissions = new Map<string, number>();
  #lastAdmission = 0;
  #layout: ModelLayout | undefined;
  /** Vectors of the checkpoint from which the run goes on, until the slices have them. */
  #vectors: WholeVectors | undefined;
  #result: RunResult | null = null;
  /** What the run needs of the store's disk; null until that is known. */
  #space: string | null = null;
  #queue: CoreEvent[] = [];
  #isBusy = false;
  #isBroken = false;
  /** When the part of the step under way began that the metrics time. */
  #partBeganMs = 0;
  #stopTicking: () => void = () => undefined;
  #end: (outcome: Outcome) => void = () => undefined;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#clock = options.clock ?? realClock;
    const { store, spec, state, restoration } = options;
    this.#observations = new Observations(options.metrics, spec, this.#clock);
    this.#traces = new RunTraces(options.tracer ?? noTracer, spec.run, state.run.generation);
    this.#journal = new Journal(spec.run, state.run.generation, this.#clock, restoration?.log);
    const onLeftover = (message: string) => options.logger.warn(message);
    this.#checkpoints = new CheckpointWriter({
      store,
      run: spec.run,
      keep: spec.checkpoint.keep,
      momentVectors: momentVectorsOf(spec.optimizer),
      former: restoration?.former ?? [],
      abandoned: options.abandoned ?? [],
      written: restoration?.written ?? new Map(),
      onLeftover,
    });
    this.#saving = new CheckpointQueue({
      store,
      journal: this.#journal,
      writer: this.#checkpoints,
      onUntidy: onLeftover,
    });
    this.#vectors = restoration?.vectors;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Holds all events back: until the start, or for good when another coordinator has the run. */
  hold(): void {
    this.#isBusy = true;
  }

  start(control: Control): void {
    this.#control = control;
    this.#isBusy = false;
    const tick = () => {
      this.dispatch({ tag: "tick", nowMs: this.#clock.nowMs() });
      this.#observations.state(this.#state);
    };
    tick();
    this.#stopTicking = this.#clock.every(tickMs, tick);
  }

  get status(): RunStatus {
    const status = statusOf(this.#state, this.#result === null ? null : { ...this.#result });
    return this.#space === null ? status : { ...status, space: this.#space };
  }

  get journal(): Journal {
    return this.#journal;
  }

  get state(): CoreState {
    return this.#state;
  }

  /** One event at a time: what effects cause while they are carried out waits its turn. Never throws. */
  dispatch(event: CoreEvent): void {
    this.#queue.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        if (next.tag !== "tick" && next.tag !== "fatal")
          this.#advance({ tag: "tick", nowMs: this.#clock.nowMs() });
        this.#advance(next);
      } catch (error) {
        this.#breakDown(error);
      }
    }
    this.#isBusy = false;
  }

  /** Ends the run after a broken invariant. A second broken invariant ends it without asking the core. */
  #breakDown(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#options.logger.error({ err: error instanceof Error ? error.stack : message }, message);
    this.#queue = this.#isBroken ? [] : [{ tag: "fatal", message }];
    if (this.#isBroken) this.#end({ tag: "failed", reason: message });
    this.#isBroken = true;
  }

  async close(): Promise<void> {
    this.#stopTicking();
    await this.#saving.settled();
    this.#traces.close();
    this.#control?.close();
    await this.#pool?.close();
  }

  #advance(event: CoreEvent): void {
    const { state, effects } = transition(this.#state, event);
    const before = this.#state;
    this.#state = state;
    this.#observations.change(event, before, state);
    if (event.tag === "left") this.#dismiss(event.worker);
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    this.#traces.note(effect);
    switch (effect.tag) {
      case "send":
        return this.#send(effect);
      case "welcome":
        return this.#welcome(effect.worker);
      case "nameSlices":
        return this.#nameSlices(effect.worker);
      case "disconnect":
        this.#dismiss(effect.worker);
        return this.#control?.disconnect(effect.worker);
      case "startSlices":
        return this.#startSlices(effect.layout);
      case "restore":
        return this.#restore(effect.step);
      case "checkpoint":
        return this.#checkpoint(effect);
      case "stepCommitted":
        return this.#noteStep(effect);
      case "epochEnded":
        return this.#noteEpoch(effect);
      case "publish":
        return this.#publish(effect.checkpoint, effect.exported);
      case "ended":
        return this.#close(effect.outcome);
      case "dropped":
      case "late":
      case "audited":
      case "excluded":
      case "log":
        return this.#report(effect);
      default:
        return this.#carryOutInSlices(effect);
    }
  }

  /** Passes what the core decided about a step to the reducers. */
  #carryOutInSlices(effect: StepEffect): void {
    switch (effect.tag) {
      case "beginStep":
        this.#partBeganMs = this.#clock.nowMs();
        return this.#pool?.begin(effect);
      case "grant":
        return this.#pool?.grant(effect.worker, effect.grant);
      case "watch":
        return this.#pool?.watch(effect.step, effect.node);
      case "findMissingLanes":
        return this.#pool?.findMissingLanes(effect.step, effect.attempt);
      case "apply":
        this.#pool?.apply(effect.step, effect.update, effect.exact);
        return this.#endPart("gather");
      case "skip":
        this.#pool?.skip(effect.step, effect.exact);
        return this.#endPart("gather");
      default:
        return assertNever(effect);
    }
  }

  /** Writes what the core observed into metrics, log and journal. */
  #report(effect: ObservationEffect): void {
    switch (effect.tag) {
      case "dropped":
        return this.#options.metrics.messagesRefused.inc({ reason: effect.reason });
      case "late":
        return this.#observations.late(effect);
      case "audited":
        return this.#options.metrics.audits.inc({ result: effect.result });
      case "excluded":
        return this.#options.metrics.imagesExcluded.inc(effect.exclusions.length);
      case "log":
        this.#options.logger[effect.level]({ ...effect.fields }, effect.message);
        return this.#journal.event(effect.level, effect.message, effect.fields);
      default:
        return assertNever(effect);
    }
  }

  /**
   * Admits a worker to the slices and returns its ticket. The ticket of its former admission is worth nothing from now
   * on.
   */
  #admit(worker: string): string {
    const { spec } = this.#options;
    this.#dismiss(worker);
    this.#lastAdmission += 1;
    this.#admissions.set(worker, this.#lastAdmission);
    this.#pool?.admit(this.#lastAdmission);
    const seal = { run: spec.run, generation: this.#state.run.generation, secret: this.#ticketSecret };
    return issueTicket(seal, worker, this.#lastAdmission);
  }

  /** Ends a worker's admission: the slices close its tensor streams. */
  #dismiss(worker: string): void {
    const admission = this.#admissions.get(worker);
    if (admission !== undefined) this.#pool?.dismiss(admission);
    this.#admissions.delete(worker);
  }

  /** The message goes out with the span that the worker's work belongs to. */
  #send({ worker, body }: Extract<Effect, { tag: "send" }>): void {
    const traceparent = this.#traces.contextFor(body);
    const message = traceparent === "" ? body : ({ ...body, traceparent } as CoordinatorBody);
    const { keys } = this.#options;
    if (message.kind === "export" && keys?.isOffered === true) return this.#sendExport(worker, message, keys);
    this.#control?.send(worker, message);
  }

  /** Sends an export with keys that may write it. Without them the assignment has failed, as the worker would say. */
  #sendExport(worker: string, message: Extract<CoordinatorBody, { kind: "export" }>, keys: RunKeys): void {
    const { generation } = this.#state.run;
    keys.forExport().then(
      (exportKeys) => this.#control?.send(worker, { ...message, keys: exportKeys }),
      (caught: unknown) => {
        const { code, message } = asTrainyardError(caught);
        const body = { kind: "assignmentFailed", assignment: "export", code, message } as const;
        this.dispatch({ tag: "said", worker, generation, body });
      },
    );
  }

  /** Sends the keys that are valid now to every worker that is there. */
  sendKeys(): void {
    for (const worker of this.#state.workers.keys()) this.#sendKeys(worker);
  }

  #sendKeys(worker: string): void {
    const current = this.#options.keys?.current ?? null;
    if (current !== null) this.#control?.send(worker, { kind: "storeKeys", ...current });
  }

  #welcome(worker: string): void {
    const { spec, storeAddress, keys } = this.#options;
    const keysFollow = keys?.isOffered ?? false;
    const specJson = JSON.stringify(spec);
    this.#control?.send(worker, { kind: "welcome", specJson, store: storeAddress, keysFollow });
    if (keysFollow) this.#sendKeys(worker);
  }

  /** The worker's ticket admits it to the slices; its former ticket is worth nothing from now on. */
  #nameSlices(worker: string): void {
    const ticket = this.#admit(worker);
    this.#control?.send(worker, { kind: "slices", slices: [...this.#slices], ticket });
  }

  #startSlices(layout: ModelLayout): void {
    const { spec, host, tensorPort, reducers, metrics } = this.#options;
    this.#layout = layout;
    metrics.parameters.set(layout.parameterCount);
    const { openReducers = (pool) => new ReducerPool(pool) } = this.#options;
    this.#pool = openReducers({
      identity: {
        run: spec.run,
        generation: this.#state.run.generation,
        lanes: spec.lanes,
        momentVectors: momentVectorsOf(spec.optimizer).length,
        tolerance: spec.allowMixed ? mixedTolerance : 0,
        wire: spec.wire,
        ticketSecret: this.#ticketSecret,
      },
      parameterCount: layout.parameterCount,
      reducers,
      audit: spec.audit,
      host,
      port: tensorPort,
      tls: this.#options.security?.tls ?? null,
      onEvent: (event) => this.dispatch(event),
      onTraffic: (bytesIn, bytesOut) => {
        metrics.receivedBytes.inc(bytesIn);
        metrics.sentBytes.inc(bytesOut);
      },
      onRefused: (reason) => metrics.messagesRefused.inc({ reason }),
    });
    void this.#lookForSpace(layout);
    this.#pool.start().then(
      (slices) => {
        this.#slices = slices;
        this.#observations.reducers(slices.length);
        this.dispatch({ tag: "slicesUp", count: slices.length });
      },
      (error: Error) => this.dispatch({ tag: "fatal", message: error.message }),
    );
  }

  /** Says what the run needs of the store's disk, and ends a run for which the disk has too little. */
  async #lookForSpace(layout: ModelLayout): Promise<void> {
    const { store, spec, restoration, logger } = this.#options;
    const { run, progress } = this.#state;
    const freeBytes = await store.freeBytes().catch((error: Error) => {
      logger.warn(error.message);
      return null;
    });
    if (freeBytes === null) return;
    const steps = run.dimensions.stepsPerEpoch * spec.epochs - progress.step;
    const need = spaceNeeded({ spec, layout, steps, held: restoration?.former.length ?? 0 });
    const { isRefused, isScarce, sentence } = judgeSpace(need, freeBytes);
    if (isRefused) return this.dispatch({ tag: "fatal", message: sentence });
    this.#space = sentence;
    logger[isScarce ? "warn" : "info"](sentence);
  }

  #restore(step: number): void {
    if (this.#vectors === undefined)
      throw new Error("invariant broken: restored twice, or without a checkpoint");
    this.#pool?.restore(step, this.#vectors);
    this.#vectors = undefined;
  }

  /** The vectors are copied before any later step's decision reaches the reducers; writing happens meanwhile. */
  #checkpoint({ checkpoint, reason, saved }: Extract<Effect, { tag: "checkpoint" }>): void {
    const layout = this.#layout;
    const snapshot = this.#pool?.snapshot();
    if (layout === undefined || snapshot === undefined)
      throw new Error("invariant broken: checkpoint without slices");
    const unsealed = this.#journal.takeUnsealed();
    const startedMs = this.#clock.nowMs();
    const span = this.#traces.checkpoint(checkpoint, reason);
    this.#saving.save({ checkpoint, reason, layout, saved, vectors: snapshot, unsealed }).then(
      (written) => {
        span.end();
        this.#noteCheckpoint(checkpoint, written, (this.#clock.nowMs() - startedMs) / 1000);
        this.dispatch({ tag: "checkpointWritten", checkpoint });
      },
      (error: Error) => {
        span.end(error);
        this.#options.metrics.checkpointFailures.inc();
        this.dispatch({
          tag: "checkpointFailed",
          checkpoint,
          message: error.message,
          isOutage: isOutage(error),
        });
      },
    );
  }

  #noteCheckpoint(checkpoint: string, written: WrittenCheckpoint, seconds: number): void {
    this.#observations.checkpoint(written, seconds);
    this.#options.logger.debug({ checkpoint, bytes: written.bytes, seconds }, "checkpoint written");
  }

  #endPart(part: "gather" | "commit"): void {
    const nowMs = this.#clock.nowMs();
    this.#options.metrics.stepPart.observe({ part }, (nowMs - this.#partBeganMs) / 1000);
    this.#partBeganMs = nowMs;
  }

  #noteStep(committed: Extract<Effect, { tag: "stepCommitted" }>): void {
    const { row, checksums } = committed;
    this.#endPart("commit");
    this.#journal.step({ ...row, crc32c: joinChecksums(checksums, this.#pool?.lengths ?? []) });
    this.#observations.step(committed);
  }

  #noteEpoch(ended: Extract<Effect, { tag: "epochEnded" }>): void {
    const { logger, spec } = this.#options;
    const { row, evaluation } = ended;
    this.#journal.epoch(row);
    const validation =
      evaluation === null
        ? ""
        : `, validation loss ${decimals(evaluation.loss)}, accuracy ${percent(evaluation.accuracy)}`;
    logger.info(
      { step: row.step },
      `epoch ${row.epoch + 1}/${spec.epochs}: loss ${decimals(row.loss)}, accuracy ${percent(row.accuracy)}${validation}, ${whole(row.imagesPerSecond)} images/s`,
    );
    this.#observations.epoch(ended);
  }

  /** Ends the run. The outcome counts at once; writing it into the store is tried within endRecordMs. */
  #close(outcome: Outcome): void {
    const { store, spec, logger } = this.#options;
    if (outcome.tag === "finished") return this.#end(outcome);
    const record = {
      generation: this.#state.run.generation,
      outcome: outcome.tag,
      reason: outcome.reason,
      status: this.status,
      endedAt: this.#clock.date().toISOString(),
    };
    const deadline = new AbortController();
    const callOff = this.#clock.after(endRecordMs, () =>
      deadline.abort(new TrainyardError("STORE_UNREACHABLE", `the store took longer than ${endRecordMs} ms`)),
    );
    recordEnd(store, spec.run, record, deadline.signal)
      .catch((error: Error) => logger.warn(`the run's end could not be written: ${error.message}`))
      .finally(() => {
        callOff();
        this.#end(outcome);
      });
  }

  #publish(checkpoint: string, paths: readonly string[]): void {
    const { store, spec, logger, finish = async () => undefined } = this.#options;
    const outcome: Outcome = {
      tag: "finished",
      reason: this.#state.ending.endedBecause ?? "the model is exported",
    };
    const written = this.#checkpoints.find(checkpoint);
    this.#result = resultOf(this.#state, {
      outcome,
      exported: { checkpoint, paths },
      checkpoint: written,
      reducersBusySeconds: this.#pool?.busySeconds ?? 0,
    });
    const { curve } = this.#journal;
    const papers = { spec, curve, charts: curve.charts, result: this.#result };
    const onRetry = (message: string) => this.dispatch({ tag: "publishingDelayed", message });
    publishRun({ store, clock: this.#clock, logger, finish, onRetry }, papers).then(
      () => this.dispatch({ tag: "published" }),
      (error: Error) =>
        this.dispatch({ tag: "fatal", message: `the result could not be written: ${error.message}` }),
    );
  }
}
