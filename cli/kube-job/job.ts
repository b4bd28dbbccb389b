/**
 * The Job of a run's workers, and what it makes of their exit codes (shared/errors): the run has finished, wrong
 * configuration ends the Job, an interrupted or lost worker is replaced, and whatever else is tried again for a while.
 */
import { ExitCode } from "../../shared/errors.js";
import { jobNameOf, runLabelOf } from "./names.js";
import { labelsOf, type Part, podSpec, type WorkerPod } from "./pod.js";

export interface WorkersJob extends WorkerPod {
  readonly run: string;
  readonly workers: number;
  readonly namespace: string;
  /** Kueue's queue in that namespace. */
  readonly queue?: string | undefined;
  /** How many workers a queued Job may begin with while there is no room for all. */
  readonly minWorkers?: number | undefined;
}

/** Restarts of one worker that fails by itself; 10 s to 6 minutes apart, so about 20 minutes. */
const restarts = 6;
/** Kubernetes deletes the Job a day after its end. */
const keptSeconds = 86_400;

export function workersJob(job: WorkersJob): Part {
  const labels = { ...labelsOf("job"), "trainyard/run": runLabelOf(job.run) };
  const annotations = { "trainyard/run": job.run };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobNameOf(job.run),
      namespace: job.namespace,
      labels: job.queue === undefined ? labels : { ...labels, "kueue.x-k8s.io/queue-name": job.queue },
      annotations: { ...annotations, ...queueAnnotations(job) },
    },
    spec: {
      // Indexed, with as many completions as workers: both can be changed together while it runs.
      completionMode: "Indexed",
      parallelism: job.workers,
      completions: job.workers,
      ...(job.queue === undefined ? {} : { suspend: true }),
      ...endings,
      template: {
        metadata: {
          labels,
          annotations: { ...annotations, "kubectl.kubernetes.io/default-container": "worker" },
        },
        spec: { restartPolicy: "Never", ...podSpec(job, [`--run=${job.run}`]) },
      },
    },
  };
}

const onExitCode = (action: string, code: ExitCode) => ({
  action,
  onExitCodes: { containerName: "worker", operator: "In", values: [code] },
});

const endings = {
  // A worker exits with 0 only when its run has finished: nobody else is needed then.
  successPolicy: { rules: [{ succeededCount: 1 }] },
  podFailurePolicy: {
    rules: [
      onExitCode("FailJob", ExitCode.usage),
      onExitCode("Ignore", ExitCode.interrupted),
      { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    ],
  },
  backoffLimitPerIndex: restarts,
  podReplacementPolicy: "Failed",
  ttlSecondsAfterFinished: keptSeconds,
};

const queueAnnotations = ({ queue, minWorkers }: WorkersJob) =>
  queue === undefined || minWorkers === undefined
    ? {}
    : {
        "kueue.x-k8s.io/job-min-parallelism": String(minWorkers),
        "kueue.x-k8s.io/job-completions-equal-parallelism": "true",
      };
