/**
 * A run's spans as its coordinator sees them: a trace for each step that is drawn, and one for each evaluation,
 * checkpoint and export. Made of the effects that the shell carries out; nothing is ever decided by them.
 */
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import { hashWords, Purpose } from "../../shared/random.js";
import { noSpan, type Span, type SpanAttributes, type Tracer } from "../../shared/tracing.js";
import type { Effect, StepRow } from "../core/events.js";

type Begun = Extract<Effect, { tag: "beginStep" }>;

/** Work for which the run waits. One span of each kind is open at a time. */
type Part = "initialise" | "evaluate" | "export";

/** Whether a step is among the traced ones: by run and number, so that each attempt and each coordinator agrees. */
export function isTraced(run: string, step: number, ratio: number): boolean {
  if (ratio <= 0) return false;
  return hashWords(Purpose.trace, step, ...Buffer.from(run)) / 2 ** 32 < ratio;
}

/** Begins and ends the spans of a run. */
export class RunTraces {
  readonly #tracer: Tracer;
  readonly #common: SpanAttributes & { readonly run: string };
  #step: Span = noSpan;
  /** Gathering, then committing. */
  #phase: Span = noSpan;
  readonly #parts = new Map<Part, Span>();

  constructor(tracer: Tracer, run: string, generation: number) {
    this.#tracer = tracer;
    this.#common = { run, generation };
  }

  /** Before the effect is carried out. */
  note(effect: Effect): void {
    switch (effect.tag) {
      case "beginStep":
        return this.#begin(effect);
      case "apply":
      case "skip":
        this.#step.set({ decision: effect.tag });
        this.#phase.end();
        this.#phase = this.#step.begin("commit");
        return;
      case "stepCommitted":
        return this.#commit(effect.row);
      case "epochEnded":
        return this.#endPart("evaluate", { epoch: effect.row.epoch });
      case "publish":
        return this.#endPart("export", {});
      case "ended":
        return this.close();
      default:
        return;
    }
  }

  /** The trace context that goes out with a message; empty when the work is not traced. */
  contextFor(body: CoordinatorBody): string {
    switch (body.kind) {
      case "gradients":
      case "audit":
        return this.#step.traceparent;
      case "initialise":
        return this.#part("initialise", {});
      case "evaluate":
        return this.#part("evaluate", { step: body.step });
      case "export":
        return this.#part("export", { checkpoint: body.checkpoint });
      default:
        return "";
    }
  }

  /**
   * Begins the span of a checkpoint; the caller ends it when the checkpoint is written. The first checkpoint also ends
   * the initialisation.
   */
  checkpoint(checkpoint: string, reason: string): Span {
    this.#endPart("initialise", {});
    return this.#tracer.begin("checkpoint", { ...this.#common, checkpoint, reason });
  }

  /** What is open is given up. */
  close(): void {
    this.#drop("dropped");
    for (const part of [...this.#parts.keys()]) this.#endPart(part, {});
  }

  #begin({ step, attempt, present }: Begun): void {
    this.#drop("begun again");
    if (!isTraced(this.#common.run, step, this.#tracer.ratio)) return;
    this.#step = this.#tracer.begin("step", { ...this.#common, step, attempt, lanes: present.length });
    this.#phase = this.#step.begin("gather");
  }

  #commit({ epoch, samples }: StepRow): void {
    this.#step.set({ epoch, samples });
    this.#end();
  }

  /** A step that does not come to its commit. */
  #drop(decision: string): void {
    this.#step.set({ decision });
    this.#end();
  }

  #end(): void {
    this.#phase.end();
    this.#step.end();
    this.#phase = noSpan;
    this.#step = noSpan;
  }

  #part(part: Part, attributes: SpanAttributes): string {
    const open = this.#parts.get(part);
    if (open !== undefined) return open.traceparent;
    const span = this.#tracer.begin(part, { ...this.#common, ...attributes });
    this.#parts.set(part, span);
    return span.traceparent;
  }

  #endPart(part: Part, attributes: SpanAttributes): void {
    const span = this.#parts.get(part);
    span?.set(attributes);
    span?.end();
    this.#parts.delete(part);
  }
}
