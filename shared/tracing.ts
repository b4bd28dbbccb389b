/**
 * Traces: spans that tell what took how long within one step, over all processes that had a hand in it. This is what the
 * program knows of them; open-telemetry.ts sends them, and is loaded only where traces are switched on. A span that
 * nobody wants is `noSpan`, which does nothing.
 */
import { TrainyardError } from "./errors.js";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Whatever spans may lie below. */
export interface SpanParent {
  begin(name: string, attributes?: SpanAttributes): Span;
}

export interface Span extends SpanParent {
  /** W3C trace context, for whoever works on it in another process; empty: nobody looks. */
  readonly traceparent: string;
  set(attributes: SpanAttributes): void;
  /** Once. `failure`: what it ended with; work that was given up because nobody waits for it any more is no error. */
  end(failure?: unknown): void;
}

/** What it begins is a trace of its own. */
export interface Tracer extends SpanParent {
  /** Of the steps, from 0 to 1: the share that is traced. */
  readonly ratio: number;
  /** Below another process' span; whatever is no W3C trace context, or is not sampled, is nobody's. */
  below(traceparent: string): SpanParent;
  /** Sends what is left, for at most limits.traceFlushMs. Never throws. */
  close(): Promise<void>;
}

export const noSpan: Span = {
  traceparent: "",
  begin: () => noSpan,
  set: () => undefined,
  end: () => undefined,
};

/** Traces are switched off. */
export const noTracer: Tracer = {
  ratio: 0,
  begin: () => noSpan,
  below: () => noSpan,
  close: async () => undefined,
};

/** Runs `work`, which begins at once, within a span. Errors: those of `work`, recorded on the span. */
export function traced<T>(
  parent: SpanParent,
  name: string,
  attributes: SpanAttributes,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return parent === noSpan ? work(noSpan) : within(parent.begin(name, attributes), work);
}

async function within<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    const made = await work(span);
    span.end();
    return made;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

/** Nobody waits for the work any more: the step is over. */
export const isGivenUp = (failure: unknown): boolean =>
  failure instanceof TrainyardError && failure.code === "INTERRUPTED";
