/**
 * Traces as flags ask for them, and how the flags reach the processes of a local cluster. OpenTelemetry is loaded only when
 * `--trace` is given. docs/tracing.md says what is traced.
 */
import { hostname } from "node:os";
import type { Logger } from "../shared/log.js";
import type { TraceFlags } from "../shared/settings/process-settings.js";
import { noTracer, type Tracer } from "../shared/tracing.js";

/** A tracer that sends nothing without `--trace`. The caller closes it. `instance`: default host and process. */
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
