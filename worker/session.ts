/**
 * From a welcome to the end of the stream: everything that is open between this worker and one generation of
 * the coordinator. Assignments are carried out one after another; heartbeats go on meanwhile.
 */
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { oneLine } from "../shared/grpc/texts.js";
import type { Logger } from "../shared/log.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";
import { RunSpec } from "../shared/spec.js";
import { noSpan, noTracer, type Span, type Tracer, traced } from "../shared/tracing.js";
import type { AssignmentContext } from "./assignment-context.js";
import { type Assignment, carryOut, describeAssignment, placeOf, settlesAs } from "./assignments.js";
import type { ControlStream } from "./control-stream.js";
import type { WorkerDependencies } from "./dependencies.js";
import { type Phase, Phases } from "./phases.js";
import type { PreparedRun } from "./prepared-run.js";
import { type StepAttempt, Watermark } from "./watermark.js";

/** How a session ended: the run is over, the coordinator wants this worker no more, or it was lost and may come back. */
export type SessionEnd =
  | { readonly tag: "finished"; readonly outcome: string; readonly message: string }
  | { readonly tag: "drained"; readonly reason: string }
  | {
      readonly tag: "lost";
      readonly reason: string;
      readonly wasWelcome: boolean;
      /** A coordinator answered that the worker has to wait. */
      readonly hasToWait: boolean;
    };

export interface SessionOptions {
  /** The worker's. */
  readonly id: string;
  /** Of the coordinator, for the tensor plane. */
  readonly host: string;
  readonly control: ControlStream;
  /** For the tensor plane. Default: plain text. */
  readonly security?: ClientSecurity;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  readonly dependencies: Pick<WorkerDependencies, "clock" | "openWeights" | "openPartials">;
  /** Takes the coordinator's run, spec and store. Errors: REFUSED and INTERRUPTED, which end the session. */
  readonly accept: (run: string, spec: RunSpec, store: string) => void;
  /** Data, engine and graphs for the run; made at the first welcome, reused afterwards. */
  readonly prepareRun: (spec: RunSpec, store: string) => Promise<PreparedRun>;
}

export async function runSession(options: SessionOptions): Promise<SessionEnd> {
  const session = new WorkerSession(options);
  try {
    for await (const { run, generation, body } of options.control.messages()) {
      options.control.run = run;
      options.control.generation = generation;
      const end = await session.take(body);
      if (end !== null) return end;
    }
    return session.lost("the coordinator ended the stream");
  } catch (caught) {
    const error = asTrainyardError(caught, "UNREACHABLE");
    if (error.code === "REFUSED" || error.code === "INTERRUPTED") throw error;
    return session.lost(error.message);
  } finally {
    session.close();
  }
}

/** For the last message of a worker to leave. */
const goodbyeMs = 100;

/** Why a worker can't prepare that is of its own machine and settings: its user has to see it, and no run shall fail. */
const ownFaults: readonly string[] = ["STORE_DENIED", "SETUP", "USAGE"];

class WorkerSession {
  readonly #options: SessionOptions;
  readonly #phases: Phases;
  readonly #frontier = new Watermark();
  #place: PreparedRun | undefined;
  #open: AssignmentContext | undefined;
  #work: Promise<void> = Promise.resolve();
  #wasWelcome = false;
  #hasToWait = false;
  #isClosed = false;
  /** Since when there is no assignment; undefined before the first. */
  #idleSinceMs: number | undefined;
  /** Ends the session and the worker. */
  #fault: TrainyardError | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const say = (phase: Phase) => options.control.send({ kind: "heartbeat", phase });
    this.#phases = new Phases(options.dependencies.clock, "prepare", say);
  }

  /** Errors: the worker's own fault, when that is why it left. */
  lost(reason: string): SessionEnd {
    if (this.#fault !== undefined) throw this.#fault;
    return { tag: "lost", reason, wasWelcome: this.#wasWelcome, hasToWait: this.#hasToWait };
  }

  close(): void {
    this.#isClosed = true;
    this.#phases.close();
    this.#frontier.end();
    this.#open?.weights.close();
    this.#open?.partials.close();
    this.#options.control.close();
  }

  /** Acts on one message; assignments are queued. Returns the end when this was it. */
  async take(body: CoordinatorBody): Promise<SessionEnd | null> {
    switch (body.kind) {
      case "welcome":
        this.#welcome(RunSpec.parse(JSON.parse(body.specJson)), body.store);
        return null;
      case "refused":
        this.#hasToWait = body.retry;
        if (body.retry) return this.lost(body.message);
        throw new TrainyardError("REFUSED", `the coordinator refused this worker: ${body.message}`);
      case "slices":
        this.#openTensors(body);
        return null;
      case "finished":
        return { tag: "finished", outcome: body.outcome, message: body.message };
      case "drain":
        return await this.#drain(body.reason);
      default:
        this.#assign(body);
        return null;
    }
  }

  /** Hands the lanes back; the stream is given a moment to take that along. */
  async #drain(reason: string): Promise<SessionEnd> {
    this.#isClosed = true; // nothing is said after the farewell
    this.#frontier.end();
    this.#options.logger.warn(`the coordinator wants no more work of this worker: ${reason}`);
    this.#options.control.send({ kind: "leaving", reason });
    await this.#options.dependencies.clock.sleep(goodbyeMs);
    return { tag: "drained", reason };
  }

  #welcome(spec: RunSpec, store: string): void {
    this.#options.accept(this.#options.control.run, spec, store);
    this.#wasWelcome = true;
    this.#prepare(spec, store);
  }

  /** Not awaited: messages go on being read, and heartbeats are sent, while graphs are recorded. */
  #prepare(spec: RunSpec, store: string): void {
    this.#enqueue("prepare", async () => {
      const place = await this.#options.prepareRun(spec, store);
      this.#place = place;
      this.#options.metrics.describe(this.#options.id, spec.run);
      this.#phases.enter("idle");
      this.#options.control.send({ kind: "ready", layoutJson: JSON.stringify(place.layout) });
    });
  }

  #openTensors({ slices, ticket }: Extract<CoordinatorBody, { kind: "slices" }>): void {
    const { id, control, host, metrics, dependencies, security = noSecurity } = this.#options;
    const onBroken = (error: Error) => {
      if (this.#isClosed) return;
      this.#options.logger.warn(`the tensor stream broke: ${error.message}`);
      control.cancel();
    };
    const { run, generation } = control;
    const common = { host, run, generation, slices, worker: id, ticket, security, onBroken };
    this.#open = {
      control,
      metrics,
      clock: dependencies.clock,
      weights: dependencies.openWeights({
        ...common,
        onVersion: (version) => this.#frontier.weightsArrive(version),
        onBytes: (bytes) => metrics.receivedBytes.inc(bytes),
      }),
      partials: dependencies.openPartials({
        ...common,
        // Slices are told to whoever is ready, so the run is known.
        wire: this.#place?.spec.wire ?? "float32",
        isOver: (at) => this.#frontier.isOver(at),
        onBytes: (bytes) => metrics.sentBytes.inc(bytes),
      }),
      watermark: this.#frontier,
      phases: this.#phases,
      span: noSpan,
    };
  }

  #assign(assignment: Assignment): void {
    const session = this.#open;
    if (session === undefined) {
      throw new TrainyardError("UNREACHABLE", `${assignment.kind} came before the slices`);
    }
    const at = placeOf(assignment);
    if (at !== null) this.#frontier.reached(at);
    const work = async () => {
      const place = this.#place;
      if (place === undefined) throw new Error(`invariant broken: ${assignment.kind} before ready`);
      await this.#trace(assignment, (span) => carryOut(place, { ...session, span }, assignment));
    };
    this.#enqueue(assignment.kind, work, settlesAs(assignment));
  }

  /** Within a span of the coordinator's, where it says that it looks. */
  #trace(assignment: Assignment, work: (span: Span) => Promise<void>): Promise<void> {
    const { id, control, tracer = noTracer } = this.#options;
    const parent = tracer.below(assignment.traceparent ?? "");
    const whose = { worker: id, run: control.run, generation: control.generation };
    return traced(parent, assignment.kind, { ...whose, ...describeAssignment(assignment) }, work);
  }

  #enqueue(assignment: string, work: () => Promise<void>, settles: StepAttempt | null = null): void {
    this.#work = this.#work.then(() => this.#carryOut(assignment, work, settles));
  }

  /**
   * A failure is the coordinator's to judge, unless the session is over or the step was given up. Otherwise it learns
   * that nothing more comes of a step's assignment.
   */
  async #carryOut(assignment: string, work: () => Promise<void>, settles: StepAttempt | null): Promise<void> {
    const { control, logger, metrics, dependencies } = this.#options;
    if (this.#idleSinceMs !== undefined) {
      metrics.observePhase("wait", (dependencies.clock.nowMs() - this.#idleSinceMs) / 1000);
    }
    const failure = await work().then(() => null, failureOf);
    this.#idleSinceMs = dependencies.clock.nowMs();
    if (this.#isClosed) return;
    if (failure === null) {
      if (settles !== null) control.send({ kind: "settled", ...settles });
      return;
    }
    const { code, message } = failure;
    if (assignment === "prepare" && ownFaults.includes(code)) return await this.#leaveFor(failure);
    logger.error({ err: failure.stack }, `${assignment} failed: ${message}`);
    control.send({ kind: "assignmentFailed", assignment, code, message: oneLine(message) });
  }

  async #leaveFor(fault: TrainyardError): Promise<void> {
    const { control, dependencies } = this.#options;
    this.#fault = fault;
    control.send({ kind: "leaving", reason: oneLine(fault.message) });
    await dependencies.clock.sleep(goodbyeMs);
    control.cancel();
  }
}

/** Null: nobody waits for the work any more, or the stream that broke ends the session by itself. */
function failureOf(caught: unknown): TrainyardError | null {
  const error = asTrainyardError(caught, "ENGINE");
  return error.code === "INTERRUPTED" || error.code === "UNREACHABLE" ? null : error;
}
