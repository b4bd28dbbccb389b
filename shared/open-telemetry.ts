/**
 * Sends spans in batches to an OpenTelemetry collector over OTLP/HTTP. This module loads OpenTelemetry: import it only
 * where traces are switched on. When the collector can't be reached, spans are lost, and one warning says so.
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type SpanExporter,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { limits } from "./limits.js";
import {
  isGivenUp,
  noSpan,
  type Span,
  type SpanAttributes,
  type SpanParent,
  type Tracer,
} from "./tracing.js";
import { programVersion } from "./version.js";

/** Settings of a tracer that sends spans to a collector. */
export interface OpenTelemetryOptions {
  /** Where spans are posted to, whole. */
  readonly endpoint: string;
  /** `coordinator` or `worker`. */
  readonly role: string;
  /** Tells processes of a role apart. */
  readonly instance: string;
  readonly ratio: number;
  /** Told once, why spans do not arrive. */
  readonly onLost: (reason: string) => void;
}

/** A tracer that sends spans to an OpenTelemetry collector. */
export class OpenTelemetryTracer implements Tracer {
  readonly ratio: number;
  readonly #provider: TracerProvider;
  readonly #tracer: OtelTracer;
  readonly #lost: (reason: string) => void;

  constructor({ endpoint, role, instance, ratio, onLost }: OpenTelemetryOptions) {
    this.ratio = ratio;
    this.#lost = once(onLost);
    const sender = new OTLPTraceExporter({ url: endpoint, timeoutMillis: limits.traceFlushMs });
    this.#provider = new TracerProvider({
      // Whether a step is traced was decided before a span of it is begun.
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new BatchSpanProcessor({ exporter: telling(sender, this.#lost) })],
      resource: resourceFromAttributes({
        "service.name": `trainyard-${role}`,
        "service.version": programVersion(),
        "service.instance.id": instance,
        "host.name": hostname(),
        "process.pid": process.pid,
      }),
    });
    this.#tracer = this.#provider.getTracer("trainyard", programVersion());
  }

  begin(name: string, attributes: SpanAttributes = {}): Span {
    return new OpenTelemetrySpan(this.#tracer, name, attributes, ROOT_CONTEXT);
  }

  below(traceparent: string): SpanParent {
    const context = contextFrom(traceparent);
    if (context === null) return noSpan;
    return {
      begin: (name, attributes = {}) => new OpenTelemetrySpan(this.#tracer, name, attributes, context),
    };
  }

  async close(): Promise<void> {
    const waiting = new AbortController();
    const sent = this.#provider.shutdown().catch(() => undefined); // why, the exporter was told
    const timeIsUp = sleep(limits.traceFlushMs, true, { signal: waiting.signal }).catch(() => false);
    if ((await Promise.race([sent, timeIsUp])) === true) {
      this.#lost(`no answer within ${limits.traceFlushMs / 1000} s`);
    }
    waiting.abort();
  }
}

class OpenTelemetrySpan implements Span {
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;

  constructor(tracer: OtelTracer, name: string, attributes: SpanAttributes, parent: Context) {
    this.#tracer = tracer;
    this.#span = tracer.startSpan(
      name,
      { root: parent === ROOT_CONTEXT, attributes: ours(attributes) },
      parent,
    );
  }

  get traceparent(): string {
    const { traceId, spanId } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-01`;
  }

  begin(name: string, attributes: SpanAttributes = {}): Span {
    return new OpenTelemetrySpan(this.#tracer, name, attributes, trace.setSpan(ROOT_CONTEXT, this.#span));
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(ours(attributes));
  }

  end(failure?: unknown): void {
    if (isGivenUp(failure)) this.set({ interrupted: true });
    else if (failure !== undefined) {
      const error = failure instanceof Error ? failure : new Error(String(failure));
      this.#span.recordException(error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    this.#span.end();
  }
}

/** Names of our own have our own beginning. */
const ours = (attributes: SpanAttributes): SpanAttributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`trainyard.${name}`, value]));

/** Version 00 of https://www.w3.org/TR/trace-context/; an id of zeros is none. */
const traceContext = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The context of a W3C traceparent; null when the text has another form or is not sampled. */
function contextFrom(traceparent: string): Context | null {
  const [, traceId, spanId, flags] = traceContext.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if ((Number.parseInt(flags, 16) & TraceFlags.SAMPLED) === 0) return null;
  const from = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, from);
}

/** Wraps an exporter so that lost spans are reported: the batch processor drops them silently. */
function telling(sender: SpanExporter, onLost: (reason: string) => void): SpanExporter {
  return {
    export: (spans, done) =>
      sender.export(spans, (result) => {
        if (result.error !== undefined) onLost(reasonOf(result.error));
        done(result);
      }),
    shutdown: () => sender.shutdown(),
  };
}

function once(tell: (reason: string) => void): (reason: string) => void {
  let isTold = false;
  return (reason) => {
    if (!isTold) tell(reason);
    isTold = true;
  };
}

/** An error of several addresses has no message, its code says it. */
function reasonOf(error: Error): string {
  return error.message || ("code" in error ? String(error.code) : error.name);
}
