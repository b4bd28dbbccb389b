/**
 * Flags of traces, and how they reach the processes of a local cluster. OpenTelemetry is loaded when `--trace` is given, and
 * only then. docs/tracing.md tells what is traced.
 */
import { hostname } from "node:os";
import type { Options } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import type { Logger } from "../shared/log.js";
import { noTracer, type Tracer } from "../shared/tracing.js";
import { numberOption } from "./options.js";

/** As parsed. */
export interface TraceFlags {
  /** Where spans are posted to, whole. */
  trace?: string | undefined;
  traceRatio: number;
}

/** OTLP's path under a collector's address. */
const tracesPath = "v1/traces";

/** An address without a path gets OTLP's; one with a path is taken as it is. Errors: USAGE. */
export function parseEndpoint(text: unknown): string {
  const written = Array.isArray(text) ? "several values" : String(text);
  const url = URL.canParse(written) ? new URL(written) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new TrainyardError(
      "USAGE",
      `--trace must be an http or https URL like http://127.0.0.1:4318, not ${JSON.stringify(written)}`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TrainyardError(
      "USAGE",
      "--trace must not hold a password: give the collector's headers in OTEL_EXPORTER_OTLP_HEADERS",
    );
  }
  if (url.pathname === "/") url.pathname = `/${tracesPath}`;
  return url.href;
}

/** `group`: the heading that they stand under in a command's help. */
const traceOption = (group?: string) => ({
  trace: {
    requiresArg: true,
    describe: "Send spans to the OTLP/HTTP collector at this URL, as http://127.0.0.1:4318 [default: none]",
    coerce: (text: unknown) => (text === undefined || text === "" ? undefined : parseEndpoint(text)),
    ...(group === undefined ? {} : { group }),
  } satisfies Options,
});

/** Of a worker: which steps are traced, its coordinator says. */
export const workerTraceOptions = traceOption();

export const traceOptions = (group?: string) => ({
  ...traceOption(group),
  "trace-ratio": numberOption(
    "trace-ratio",
    { min: 0, max: 1 },
    {
      default: 0.01,
      describe: "Share of the steps that are traced; which ones, run and number decide",
      ...(group === undefined ? {} : { group }),
    },
  ),
});

/** The flags again, for a process that is started from here. */
export const traceWords = ({ trace }: Partial<TraceFlags>): string[] =>
  trace === undefined ? [] : ["--trace", trace];

export const ratioWords = (flags: Partial<TraceFlags>): string[] =>
  flags.trace === undefined ? [] : ["--trace-ratio", String(flags.traceRatio ?? 1)];

/** Whoever opens it closes it. `instance`: default host and process. */
export async function openTracer(
  { trace, traceRatio = 0 }: Partial<TraceFlags>,
  role: "coordinator" | "worker",
  logger: Logger,
  instance = `${hostname()}-${process.pid}`,
): Promise<Tracer> {
  if (trace === undefined) return noTracer;
  const { OpenTelemetryTracer } = await import("../shared/open-telemetry.js");
  const onLost = (reason: string) =>
    logger.warn(`spans don't reach ${trace}: ${reason}; the run goes on without them`);
  return new OpenTelemetryTracer({ endpoint: trace, role, instance, ratio: traceRatio, onLost });
}
