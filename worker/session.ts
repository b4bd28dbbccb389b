/**
 * From a welcome to the end of the stream: everything that is open between this worker and one generation of
 * the coordinator. Assignments are carried out one after another; heartbeats go on meanwhile.
 */
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { RunSpec } from "../shared/spec.js";
import {
  computeGradients,
  evaluateBlocks,
  exportCheckpoint,
  initialise,
  type Session,
} from "./assignments.js";
import type { ControlStream } from "./control-stream.js";
import type { WorkerSurroundings } from "./surroundings.js";
import type { Workplace } from "./workplace.js";

/** How a session ended: the run is over, or the coordinator was lost and may come back. */
export type SessionEnd =
  | { readonly tag: "finished"; readonly outcome: string; readonly message: string }
  | { readonly tag: "lost"; readonly reason: string; readonly wasWelcome: boolean };

export interface SessionOptions {
  /** The worker's. */
  readonly id: string;
  /** Of the coordinator, for the tensor plane. */
  readonly host: string;
  readonly control: ControlStream;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  readonly surroundings: Pick<WorkerSurroundings, "clock" | "openWeights" | "openPartials">;
  /** Data, engine and graphs for the run; made at the first welcome, reused afterwards. */
  readonly workplace: (spec: RunSpec, store: string) => Promise<Workplace>;
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
    if (error.code === "REFUSED") throw error;
    return session.lost(error.message);
  } finally {
    session.close();
  }
}

class WorkerSession {
  readonly #options: SessionOptions;
  readonly #stopBeating: () => void;
  #place: Workplace | undefined;
  #open: Session | undefined;
  #work: Promise<void> = Promise.resolve();
  #wasWelcome = false;
  #isClosed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#stopBeating = options.surroundings.clock.every(limits.heartbeatMs, () => this.#beat());
  }

  lost(reason: string): SessionEnd {
    return { tag: "lost", reason, wasWelcome: this.#wasWelcome };
  }

  close(): void {
    this.#isClosed = true;
    this.#stopBeating();
    if (this.#open !== undefined) this.#open.newestStep = Number.MAX_SAFE_INTEGER;
    this.#open?.weights.close();
    this.#open?.partials.close();
    this.#options.control.close();
  }

  /** Acts on one message; assignments are queued. Returns the end when this was it. */
  async take(body: CoordinatorBody): Promise<SessionEnd | null> {
    switch (body.kind) {
      case "welcome":
        this.#wasWelcome = true;
        this.#prepare(body.specJson, body.store);
        return null;
      case "refused":
        if (body.retry) return this.lost(body.message);
        throw new TrainyardError("REFUSED", `the coordinator refused this worker: ${body.message}`);
      case "slices":
        this.#openTensors(body.slices);
        return null;
      case "finished":
        return { tag: "finished", outcome: body.outcome, message: body.message };
      default:
        this.#assign(body);
        return null;
    }
  }

  #beat(): void {
    this.#options.control.send({ kind: "heartbeat", phase: this.#open?.phase ?? "prepare" });
  }

  /** Not awaited: messages go on being read, and heartbeats are sent, while graphs are recorded. */
  #prepare(specJson: string, store: string): void {
    this.#enqueue("prepare", async () => {
      const spec = RunSpec.parse(JSON.parse(specJson));
      const place = await this.#options.workplace(spec, store);
      this.#place = place;
      this.#options.metrics.runInfo.set({ worker: this.#options.id, run: spec.run }, 1);
      this.#options.control.send({ kind: "ready", layoutJson: JSON.stringify(place.layout) });
    });
  }

  #openTensors(slices: Extract<CoordinatorBody, { kind: "slices" }>["slices"]): void {
    const { control, host, metrics, surroundings } = this.#options;
    const onBroken = (error: Error) => {
      if (this.#isClosed) return;
      this.#options.logger.warn(`the tensor stream broke: ${error.message}`);
      control.cancel();
    };
    const common = { host, run: control.run, generation: control.generation, slices, onBroken };
    this.#open = {
      control,
      metrics,
      clock: surroundings.clock,
      weights: surroundings.openWeights({ ...common, onBytes: (bytes) => metrics.receivedBytes.inc(bytes) }),
      partials: surroundings.openPartials({ ...common, onBytes: (bytes) => metrics.sentBytes.inc(bytes) }),
      newestStep: 0,
      phase: "idle",
    };
  }

  #assign(body: Exclude<CoordinatorBody, { kind: "welcome" | "refused" | "slices" | "finished" }>): void {
    const session = this.#open;
    if (session === undefined) throw new TrainyardError("UNREACHABLE", `${body.kind} came before the slices`);
    if ("step" in body) session.newestStep = Math.max(session.newestStep, body.step);
    this.#enqueue(body.kind, async () => {
      const place = this.#place;
      if (place === undefined) throw new Error(`invariant broken: ${body.kind} before ready`);
      switch (body.kind) {
        case "initialise":
          return await initialise(place, session);
        case "gradients":
          return await computeGradients(place, session, body);
        case "evaluate":
          return await evaluateBlocks(place, session, body);
        case "export":
          return await exportCheckpoint(place, session, body.checkpoint);
      }
    });
  }

  /** A failure is the coordinator's to judge, unless the session is over or the step was given up. */
  #enqueue(assignment: string, work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((caught: unknown) => {
      const error = asTrainyardError(caught, "ENGINE");
      if (this.#isClosed || error.code === "INTERRUPTED" || error.code === "UNREACHABLE") return;
      this.#options.logger.error({ err: error.stack }, `${assignment} failed: ${error.message}`);
      this.#options.control.send({
        kind: "assignmentFailed",
        assignment,
        code: error.code,
        message: error.message,
      });
    });
  }
}
