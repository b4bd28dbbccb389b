/** Who computes, how fast, where the time goes, who is late or lost, and what goes over the wire. */
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboardOf, row } from "./frame.js";
import { counts, limited, lines, list, quarter, stacked, third } from "./panels.js";
import { datasource, increase, mean, ofRun, over, quantile, rate, rows } from "./queries.js";

/** Trainyard's processes, whichever run they are at. */
const processes = 'job=~"trainyard-.*"';

const workerVariable = () =>
  new dashboard.QueryVariableBuilder("worker")
    .label("Workers")
    .datasource(datasource)
    .query(`label_values(trainyard_worker_info{${ofRun}}, worker)`)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: "All", value: "$__all" });

const throughput = () =>
  lines(
    {
      title: "Images a second",
      description:
        "Committed while training; committed over all, evaluation included; and what the present workers' engines can do together.",
      unit: "none",
    },
    [
      over(`trainyard_images_per_second{${ofRun}}`, "while training"),
      over(rate("trainyard_samples_committed_total"), "over all"),
      over(`sum(trainyard_worker_images_per_second{${ofRun}})`, "possible"),
    ],
  ).min(0);

const efficiency = () =>
  limited(
    {
      title: "Efficiency",
      description:
        "Committed images a second as a share of what the workers' engines can do. What is missing goes into waiting for pictures, for weights, for others, or is computed twice.",
      unit: "percentunit",
    },
    [
      { value: null, color: "red" },
      { value: 0.5, color: "yellow" },
      { value: 0.8, color: "green" },
    ],
    [over(`trainyard_efficiency_ratio{${ofRun}}`, "efficiency")],
  )
    .min(0)
    .axisSoftMax(1);

const workerSpeed = () =>
  lines(
    {
      title: "Images a second by worker",
      description:
        "While each computes. A worker far below the others has fewer lanes, not the others less to do.",
      unit: "none",
    },
    [over(`trainyard_worker_images_per_second{${ofRun}}`, "{{worker}}")],
    quarter,
  ).min(0);

const homeLanes = () =>
  stacked(
    {
      title: "Lanes by worker",
      description: "Whose lanes are whose from step to step: each worker's share of every global batch.",
      unit: "none",
    },
    [over(`trainyard_worker_home_lanes{${ofRun}}`, "{{worker}}")],
    quarter,
  ).min(0);

const stepTime = () =>
  lines(
    {
      title: "Time of a step",
      description: "From its assignment to its commit: median and 95th percentile.",
      unit: "s",
    },
    [
      over(quantile(0.5, "trainyard_step_duration_seconds"), "median"),
      over(quantile(0.95, "trainyard_step_duration_seconds"), "95 %"),
    ],
    quarter,
  ).min(0);

const stepParts = () =>
  stacked(
    {
      title: "Parts of a step",
      description:
        "Mean time: gather, until all sums and records are there; commit, until every slice has applied it.",
      unit: "s",
    },
    [over(mean("trainyard_step_part_duration_seconds", "part"), "{{part}}")],
    quarter,
  ).min(0);

const phases = () =>
  stacked(
    {
      title: "Where the time of $worker goes",
      description:
        "Seconds of each second: reading, decoding, computing, sending, receiving, waiting without an assignment. What overlaps is counted in each.",
      unit: "s",
    },
    [
      over(
        `sum by (phase) (${rate("trainyard_worker_phase_duration_seconds_sum", `${ofRun}, worker=~"$worker"`)})`,
        "{{phase}}",
      ),
    ],
    third,
  )
    .min(0)
    .repeat("worker")
    .repeatDirection("h")
    .maxPerRow(3);

const members = () =>
  stacked(
    {
      title: "Workers",
      description: "By state. Ready ones take lanes; preparing ones read the data set and record graphs.",
      unit: "none",
    },
    [over(`trainyard_workers{${ofRun}}`, "{{state}}")],
    third,
  ).min(0);

const comings = () =>
  counts(
    {
      title: "Joined and left",
      description: "drained, replaced and ended are meant; the others are losses.",
      unit: "none",
    },
    [
      over(increase("trainyard_workers_joined_total"), "joined"),
      over(increase("trainyard_workers_left_total"), "{{reason}}"),
    ],
    third,
  );

const lost = () =>
  list(
    {
      title: "Lost and not back",
      description: "The last 20 workers that the run lost, and how long ago.",
      unit: "s",
    },
    [rows(`time() - trainyard_worker_lost_timestamp_seconds{${ofRun}}`)],
    ["Time", "instance", "job", "run"],
    third,
  );

const lateness = () =>
  counts(
    {
      title: "Late",
      description:
        "Waits that exceeded their expectation, by whom they were for and what that one was doing. Others compute late lanes as well.",
      unit: "none",
    },
    [
      over(
        `sum by (worker, phase) (${increase("trainyard_late_total")}) > 0 or sum by (worker) (${increase("trainyard_late_total")})`,
        "{{worker}} {{phase}}",
      ),
    ],
    third,
  );

const redone = () =>
  counts(
    {
      title: "Samples computed again",
      description:
        "Of workers that were lost, and of steps that were begun again. Each is counted once in the result.",
      unit: "none",
    },
    [over(increase("trainyard_samples_redone_total"), "samples")],
    third,
  );

const suspicions = () =>
  counts(
    {
      title: "Audits and refusals",
      description: "Sums that a second worker computed as well, and messages that were not accepted.",
      unit: "none",
    },
    [
      over(increase("trainyard_audits_total"), "audit {{result}}"),
      over(increase("trainyard_messages_refused_total"), "refused: {{reason}}"),
      over(increase("trainyard_worker_reconnects_total"), "{{worker}} connected again"),
    ],
    third,
  );

const coordinatorTraffic = () =>
  lines({ title: "The coordinator's traffic", description: "Gradients in, weights out.", unit: "Bps" }, [
    over(rate("trainyard_received_bytes_total"), "gradients in"),
    over(rate("trainyard_sent_bytes_total"), "weights out"),
  ]).min(0);

const workerTraffic = () =>
  lines({ title: "The workers' traffic", description: "Weights in, gradients out.", unit: "Bps" }, [
    over(rate("trainyard_worker_received_bytes_total"), "{{worker}} in"),
    over(rate("trainyard_worker_sent_bytes_total"), "{{worker}} out"),
  ]).min(0);

const processors = () =>
  lines(
    { title: "Processors", description: "Cores that each process keeps busy.", unit: "none" },
    [over(rate("process_cpu_seconds_total", processes), "{{job}} {{instance}}")],
    third,
  ).min(0);

const memory = () =>
  lines(
    { title: "Memory", description: "Resident, of each process.", unit: "bytes" },
    [over(`process_resident_memory_bytes{${processes}}`, "{{job}} {{instance}}")],
    third,
  ).min(0);

const eventLoop = () =>
  limited(
    {
      title: "Lag of the event loop",
      description: "99th percentile. Where it nears a second, heartbeats come late.",
      unit: "s",
    },
    [
      { value: null, color: "green" },
      { value: 0.25, color: "yellow" },
      { value: 1, color: "red" },
    ],
    [over(`nodejs_eventloop_lag_p99_seconds{${processes}}`, "{{job}} {{instance}}")],
    third,
  ).min(0);

const versions = () =>
  list(
    { title: "Versions", description: "All processes of a run have one version of Trainyard.", unit: "none" },
    [rows(`trainyard_build_info{${processes}}`)],
    ["Time", "Value", "__name__"],
    third * 3,
  );

export const cluster = () =>
  dashboardOf({
    uid: "trainyard-cluster",
    title: "Trainyard: cluster",
    description:
      "Throughput and efficiency, where each worker's time goes, membership and faults, lateness, traffic.",
  })
    .withVariable(workerVariable())
    .withRow(row("Throughput"))
    .withPanel(throughput())
    .withPanel(efficiency())
    .withPanel(workerSpeed())
    .withPanel(homeLanes())
    .withPanel(stepTime())
    .withPanel(stepParts())
    .withRow(row("Where the time goes"))
    .withPanel(phases())
    .withRow(row("Membership and faults"))
    .withPanel(members())
    .withPanel(comings())
    .withPanel(lost())
    .withPanel(lateness())
    .withPanel(redone())
    .withPanel(suspicions())
    .withRow(row("Traffic"))
    .withPanel(coordinatorTraffic())
    .withPanel(workerTraffic())
    .withRow(row("Processes"))
    .withPanel(processors())
    .withPanel(memory())
    .withPanel(eventLoop())
    .withPanel(versions());
