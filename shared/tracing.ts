/**
 * Traces: spans that show what took how long within one step, over all processes that took part. This is the interface;
 * open-telemetry.ts sends the spans and is loaded only where traces are switched on. `noSpan` is a span that is not
 * recorded and does nothing.
 */
import { TrainyardError } from "./errors.js";

/** Named values of a span. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A tracer, or a span that may have child spans. */
export interface SpanParent {
  begin(name: string, attributes?: SpanAttributes): Span;
}

/** A span that is being recorded. */
export interface Span extends SpanParent {
  /** W3C trace context of the span, to be passed to another process; empty when the span is not recorded. */
  readonly traceparent: string;
  set(attributes: SpanAttributes): void;
  /**
   * Ends the span; called once. `failure`: the error with which the work ended. Work that was abandoned because its
   * result is not needed any more did not fail.
   */
  end(failure?: unknown): void;
}

/** What it begins is a trace of its own. */
export interface Tracer extends SpanParent {
  /** The share of the steps that is traced, from 0 to 1. */
  readonly ratio: number;
  /**
   * Begins spans below a span of another process. A text that is no W3C trace context, or is not sampled, gives spans
   * that are not recorded.
   */
  below(traceparent: string): SpanParent;
  /** Sends what is left, for at most limits.traceFlushMs. Never throws. */
  close(): Promise<void>;
}

/** A span that is not recorded. */
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

/** True when work was abandoned because its step is over. */
export const isGivenUp = (failure: unknown): boolean =>
  failure instanceof TrainyardError && failure.code === "INTERRUPTED";
