/** The checkpoints of a run, the calls of the object store, and the workers' image caches. */
import { dashboardOf, row } from "./frame.js";
import { counts, limited, lines, stacked, third } from "./panels.js";
import { increase, mean, ofRun, over, quantile, rate } from "./queries.js";

const age = () =>
  limited(
    {
      title: "Age of the last checkpoint",
      description:
        "The work of this time would be computed again if the coordinator died now. Due within: how long after the last checkpoint the next one comes.",
      unit: "s",
    },
    [
      { value: null, color: "green" },
      { value: 300, color: "red" },
    ],
    [
      over(`time() - trainyard_checkpoint_last_timestamp_seconds{${ofRun}}`, "age"),
      over(`trainyard_checkpoint_interval_seconds{${ofRun}}`, "due within"),
    ],
    third,
  ).min(0);

const duration = () =>
  lines(
    {
      title: "Time to write a checkpoint",
      description:
        "Training goes on while a checkpoint is written. If this time is near the interval, the store is too slow for it.",
      unit: "s",
    },
    [
      over(mean("trainyard_checkpoint_duration_seconds", "run"), "mean"),
      over(quantile(0.95, "trainyard_checkpoint_duration_seconds"), "95 %"),
    ],
    third,
  ).min(0);

const size = () =>
  lines(
    {
      title: "Size of a checkpoint",
      description:
        "The weights and the vectors that the optimizer keeps: Adam two, SGD with momentum one, plain SGD none.",
      unit: "bytes",
    },
    [over(`trainyard_checkpoint_bytes{${ofRun}}`, "last")],
    third,
  ).min(0);

const written = () =>
  counts(
    {
      title: "Checkpoints",
      description: "Checkpoints that were written, and checkpoints that could not be written.",
      unit: "none",
    },
    [
      over(increase("trainyard_checkpoint_duration_seconds_count"), "written"),
      over(increase("trainyard_checkpoint_failures_total"), "failed"),
    ],
  );

const errors = () =>
  counts(
    {
      title: "Errors of the store",
      description: "Calls of the object store that failed after their retries, by job and worker.",
      unit: "none",
    },
    [over(increase("trainyard_store_errors_total"), "{{job}} {{worker}} {{operation}}")],
  );

const calls = () =>
  lines(
    {
      title: "Calls a second",
      description:
        "By job and operation. After the first epoch workers read from their caches, if they are large enough.",
      unit: "none",
    },
    [
      over(
        `sum by (job, operation) (${rate("trainyard_store_call_duration_seconds_count")})`,
        "{{job}} {{operation}}",
      ),
    ],
    third,
  ).min(0);

const callTime = () =>
  lines(
    {
      title: "Time of a call",
      description: "95th percentile, retries included, by job and operation.",
      unit: "s",
    },
    [
      over(
        quantile(0.95, "trainyard_store_call_duration_seconds", "job", "operation"),
        "{{job}} {{operation}}",
      ),
    ],
    third,
  ).min(0);

const bytes = () =>
  lines(
    { title: "Bytes a second", description: "Read from the store and written to it, by job.", unit: "Bps" },
    [
      over(`sum by (job) (${rate("trainyard_store_read_bytes_total")})`, "{{job}} read"),
      over(`sum by (job) (${rate("trainyard_store_written_bytes_total")})`, "{{job}} written"),
    ],
    third,
  ).min(0);

const cache = () =>
  stacked(
    {
      title: "Decoded images in caches",
      description: "By worker and tier: memory first, the rest on disk.",
      unit: "bytes",
    },
    [over(`trainyard_worker_cache_bytes{${ofRun}}`, "{{worker}} {{tier}}")],
  ).min(0);

const hits = () =>
  lines(
    {
      title: "Images found decoded",
      description: "Share of the images that were in a cache and needed neither the store nor a decoder.",
      unit: "percentunit",
    },
    [
      over(
        `sum by (worker) (${rate("trainyard_worker_cache_hits_total")}) / (sum by (worker) (${rate("trainyard_worker_cache_hits_total")}) + sum by (worker) (${rate("trainyard_worker_cache_misses_total")}))`,
        "{{worker}}",
      ),
    ],
  )
    .min(0)
    .max(1);

export const store = () =>
  dashboardOf({
    uid: "trainyard-store",
    title: "Trainyard: store and checkpoints",
    description:
      "Age, duration and size of checkpoints; calls, times and errors of the object store; caches.",
  })
    .withRow(row("Checkpoints"))
    .withPanel(age())
    .withPanel(duration())
    .withPanel(size())
    .withPanel(written())
    .withPanel(errors())
    .withRow(row("Store"))
    .withPanel(calls())
    .withPanel(callTime())
    .withPanel(bytes())
    .withRow(row("Caches"))
    .withPanel(cache())
    .withPanel(hits());
