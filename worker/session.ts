/**
 * A session with one generation of the coordinator, from hello to the end of the stream: messages are read, work is
 * queued, heartbeats go on meanwhile. The states are in session-state.ts, what an assignment does in assignments.ts.
 */
import { assertNever, asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { oneLine } from "../shared/grpc/texts.js";
import type { Logger } from "../shared/log.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";
import { RunSpec } from "../shared/spec.js";
import { noTracer, type Tracer, traced } from "../shared/tracing.js";
import type { AssignmentContext } from "./assignment-context.js";
import { AssignmentQueue } from "./assignment-queue.js";
import {
  type Assignment,
  carryOut,
  describeAssignment,
  settlesAs,
  shareOf,
  watermarkOf,
} from "./assignments.js";
import type { ControlStream } from "./control-stream.js";
import type { WorkerDependencies } from "./dependencies.js";
import type { RunLocation } from "./end-watch.js";
import { type Phase, Phases } from "./phases.js";
import type { PreparedRun } from "./prepared-run.js";
import type { ReceivedKeys } from "./received-keys.js";
import { type Departure, enter, type SessionEnd, type SessionState } from "./session-state.js";
import { ShareProgress } from "./share-progress.js";
import { Watermark } from "./step-watermark.js";
import { closeTensorStreams, openTensorStreams } from "./tensor-streams.js";

export interface SessionOptions {
  /** The worker's id. */
  readonly id: string;
  /** The coordinator's host, where the tensor streams go. */
  readonly host: string;
  readonly control: ControlStream;
  /** Security of the tensor streams. Default: plain text. */
  readonly security?: ClientSecurity;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  readonly dependencies: Pick<WorkerDependencies, "clock" | "openWeights" | "openPartials">;
  /** Takes the coordinator's run, spec and store. Errors: REFUSED and INTERRUPTED, which end the session. */
  readonly accept: (spec: RunSpec, place: RunLocation) => void;
  /** Data, engine and graphs for the run; made at the first welcome, reused afterwards. */
  readonly prepare: (spec: RunSpec, store: string, keysFollow: boolean) => Promise<PreparedRun>;
  /** Takes the coordinator's keys for the store. */
  readonly keys: ReceivedKeys;
}

/** Errors: REFUSED by the coordinator, those of `accept`, and whatever of this machine's set-up keeps it from preparing. */
export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const session = new WorkerSession(options);
  try {
    for await (const { run, generation, body } of options.control.messages()) {
      options.control.run = run;
      options.control.generation = generation;
      const end = await session.take(body);
      if (end !== null) return end;
    }
    return session.endOfStream("the coordinator ended the stream");
  } catch (caught) {
    const error = asTrainyardError(caught, "UNREACHABLE");
    if (error.code === "REFUSED" || error.code === "INTERRUPTED") throw error;
    return session.endOfStream(error.message);
  } finally {
    session.close();
  }
}

/** How long the stream is kept open so that the worker's last message leaves. */
const goodbyeMs = 100;

/** Errors caused by this machine's set-up. The worker leaves and shows them to its user; the run goes on. */
const setupErrors: readonly string[] = ["STORE_DENIED", "SETUP", "USAGE"];

class WorkerSession {
  readonly #options: SessionOptions;
  readonly #phases: Phases;
  readonly #watermark = new Watermark();
  readonly #progress = new ShareProgress();
  readonly #queue: AssignmentQueue;
  #state: SessionState = { tag: "connecting" };

  constructor(options: SessionOptions) {
    this.#options = options;
    const { control, metrics, dependencies } = options;
    const { clock } = dependencies;
    const sendHeartbeat = (phase: Phase) => control.send({ kind: "heartbeat", phase, ...this.#progress.now });
    this.#phases = new Phases(clock, "prepare", sendHeartbeat);
    const onWait = (seconds: number) => metrics.observePhase("wait", seconds);
    this.#queue = new AssignmentQueue({ clock, onWait });
  }

  /** Acts on one message. Returns the session's end when the message was the last one. */
  async take(body: CoordinatorBody): Promise<SessionEnd | null> {
    if (body.kind === "finished") return { tag: "finished", outcome: body.outcome, message: body.message };
    if (this.#isLeaving()) return null;
    switch (body.kind) {
      case "welcome":
        this.#welcome(body);
        return null;
      case "storeKeys":
        this.#options.keys.take(body);
        return null;
      case "refused":
        if (body.retry) return { tag: "waiting", reason: body.message };
        throw new TrainyardError("REFUSED", `the coordinator refused this worker: ${body.message}`);
      case "slices":
        this.#openStreams(body);
        return null;
      case "initialise":
      case "gradients":
      case "audit":
      case "evaluate":
      case "export":
        this.#assign(body);
        return null;
      case "drain":
        this.#options.logger.warn(`the coordinator sends this worker away: ${body.reason}`);
        await this.#leave({ tag: "drained", reason: body.reason });
        return { tag: "drained", reason: body.reason };
      default:
        return assertNever(body);
    }
  }

  /** connecting -> preparing. Not awaited: messages are read and heartbeats sent while graphs are recorded. */
  #welcome({ specJson, store, keysFollow = false }: Extract<CoordinatorBody, { kind: "welcome" }>): void {
    if (this.#state.tag !== "connecting") throw this.#outOfOrder("welcome");
    const spec = RunSpec.parse(JSON.parse(specJson));
    const { run, generation } = this.#options.control;
    this.#options.accept(spec, { run, store, generation });
    this.#state = enter(this.#state, { tag: "preparing" });
    this.#queue.add(() => this.#prepare(spec, store, keysFollow));
  }

  /** preparing -> ready, or -> draining when this machine's set-up is not fit for the run. */
  async #prepare(spec: RunSpec, store: string, keysFollow: boolean): Promise<void> {
    const { id, control, metrics, prepare } = this.#options;
    const prepared = await prepare(spec, store, keysFollow).catch(failureOf);
    if (this.#state.tag !== "preparing" || prepared === null) return;
    if (prepared instanceof TrainyardError) {
      if (!setupErrors.includes(prepared.code)) return this.#reportFailure("prepare", prepared);
      await this.#leave({ tag: "unfit", error: prepared });
      return control.cancel();
    }
    this.#state = enter(this.#state, { tag: "ready", run: prepared });
    metrics.describe(id, spec.run);
    this.#phases.enter("idle");
    control.send({ kind: "ready", layoutJson: JSON.stringify(prepared.layout) });
  }

  /** ready -> working. */
  #openStreams({ slices, ticket }: Extract<CoordinatorBody, { kind: "slices" }>): void {
    if (this.#state.tag !== "ready") throw this.#outOfOrder("slices");
    const { id, control, host, metrics, logger, dependencies, security = noSecurity } = this.#options;
    const { run: prepared } = this.#state;
    const streams = openTensorStreams(dependencies, {
      host,
      run: control.run,
      generation: control.generation,
      slices,
      worker: id,
      ticket,
      security,
      wire: prepared.spec.wire,
      metrics,
      watermark: this.#watermark,
      onBroken: (error) => {
        if (this.#isLeaving()) return;
        logger.warn(`the tensor stream broke: ${error.message}`);
        control.cancel();
      },
    });
    this.#state = enter(this.#state, { tag: "working", run: prepared, streams });
  }

  /** Queues an assignment; what lies before its step is over from now on. */
  #assign(assignment: Assignment): void {
    if (this.#state.tag !== "working") throw this.#outOfOrder(assignment.kind);
    const { control, metrics, dependencies } = this.#options;
    const at = watermarkOf(assignment);
    if (at !== null) this.#watermark.reached(at);
    const context = {
      run: this.#state.run,
      ...this.#state.streams,
      control,
      metrics,
      clock: dependencies.clock,
      watermark: this.#watermark,
      phases: this.#phases,
      progress: this.#progress,
    };
    this.#queue.add(() => this.#carryOut(assignment, context));
  }

  /** Carries out one assignment and tells the coordinator that it failed, or that nothing more comes of it. */
  async #carryOut(assignment: Assignment, context: Omit<AssignmentContext, "span">): Promise<void> {
    const { id, control, tracer = noTracer } = this.#options;
    const ids = { worker: id, run: control.run, generation: control.generation };
    const attributes = { ...ids, ...describeAssignment(assignment) };
    const parent = tracer.below(assignment.traceparent ?? "");
    this.#progress.begin(shareOf(assignment));
    const failure = await traced(parent, assignment.kind, attributes, (span) =>
      this.#withItsKeys(assignment, () => carryOut({ ...context, span }, assignment)),
    ).then(() => null, failureOf);
    if (this.#isLeaving()) return;
    if (failure !== null) return this.#reportFailure(assignment.kind, failure);
    const settles = settlesAs(assignment);
    if (settles !== null) control.send({ kind: "settled", ...settles });
  }

  /** An export brings keys that may write it. */
  #withItsKeys(assignment: Assignment, work: () => Promise<void>): Promise<void> {
    const keys = assignment.kind === "export" ? (assignment.keys ?? null) : null;
    return keys === null ? work() : this.#options.keys.exporting(keys, work);
  }

  /** The coordinator decides what a failure means for the run. */
  #reportFailure(assignment: string, { code, message, stack }: TrainyardError): void {
    this.#options.logger.error({ err: stack }, `${assignment} failed: ${message}`);
    this.#options.control.send({ kind: "assignmentFailed", assignment, code, message: oneLine(message) });
  }

  /** -> draining. Resolves when the last message has had time to leave. */
  async #leave(departure: Departure): Promise<void> {
    const former = this.#state;
    this.#state = enter(former, { tag: "draining", departure });
    this.#phases.close();
    this.#watermark.end();
    const reason = departure.tag === "drained" ? departure.reason : oneLine(departure.error.message);
    this.#options.control.send({ kind: "leaving", reason });
    await this.#options.dependencies.clock.sleep(goodbyeMs);
    if (former.tag === "working") closeTensorStreams(former.streams);
  }

  /** The end of a session whose stream is over. Errors: what of this machine's set-up made the worker leave. */
  endOfStream(reason: string): SessionEnd {
    const state = this.#state;
    switch (state.tag) {
      case "connecting":
        return { tag: "unreached", reason };
      case "preparing":
      case "ready":
      case "working":
      case "closed":
        return { tag: "lost", reason };
      case "draining":
        if (state.departure.tag === "unfit") throw state.departure.error;
        return state.departure;
      default:
        return assertNever(state);
    }
  }

  /** -> closed. */
  close(): void {
    const former = this.#state;
    this.#state = enter(former, { tag: "closed" });
    this.#phases.close();
    this.#watermark.end();
    if (former.tag === "working") closeTensorStreams(former.streams);
    this.#options.control.close();
  }

  #isLeaving(): boolean {
    return this.#state.tag === "draining" || this.#state.tag === "closed";
  }

  #outOfOrder(message: CoordinatorBody["kind"]): TrainyardError {
    return new TrainyardError(
      "UNREACHABLE",
      `the coordinator sent ${message} to a worker that is ${this.#state.tag}`,
    );
  }
}

/** The failure to report. Null when the step is over, or when a stream broke, which ends the session by itself. */
function failureOf(caught: unknown): TrainyardError | null {
  const error = asTrainyardError(caught, "ENGINE");
  return error.code === "INTERRUPTED" || error.code === "UNREACHABLE" ? null : error;
}
