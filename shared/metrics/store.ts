/** What a process' calls of the object store take, and which fail: the same metrics in coordinator and worker. */
import type { Makers } from "./registry.js";

/** The operations of an object store, as a label of metrics. */
export const storeOperations = ["put", "get", "stream", "stat", "list", "delete"] as const;
/** An operation of an object store. */
export type StoreOperation = (typeof storeOperations)[number];

/** The metrics of an object store's calls. */
export type StoreMetrics = ReturnType<typeof storeMetrics>;

/** Creates the metrics of an object store's calls in a registry. */
export function storeMetrics({ registry, counter, seconds }: Makers) {
  const errors = counter(
    "trainyard_store_errors_total",
    "Calls of the object store that failed, after their retries.",
    "operation",
  );
  registry.startWith(() => {
    for (const operation of storeOperations) errors.inc({ operation }, 0);
  });
  return {
    storeErrors: errors,
    storeCallDuration: seconds(
      "trainyard_store_call_duration_seconds",
      "Duration of one call of the object store, with its retries. For a stream: the time spent waiting for its data.",
      "operation",
    ),
    storeReadBytes: counter("trainyard_store_read_bytes_total", "Bytes read from the object store."),
    storeWrittenBytes: counter("trainyard_store_written_bytes_total", "Bytes written to the object store."),
  };
}
