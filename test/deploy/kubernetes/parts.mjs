/** What stands in the namespace: an overlay, a run's Job, their pods. */
import { spawnSync } from "node:child_process";
import { parse, stringify } from "yaml";
import { kustomizeProgram } from "../../support/setup/kubernetes-paths.mjs";
import { apply, list, until } from "./cluster.mjs";

/** @typedef {import("./cluster.mjs").KubeObject} KubeObject */

/**
 * As kustomize builds it.
 * @param {string} folder below deploy/kubernetes
 * @returns {string} YAML
 */
export function built(folder) {
  const ended = spawnSync(kustomizeProgram, ["build", `deploy/kubernetes/${folder}`], { encoding: "utf8" });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended.stdout;
}

/**
 * What `trainyard kube-job` prints.
 * @param {readonly string[]} words
 * @returns {KubeObject}
 */
export function printedJob(...words) {
  const ended = spawnSync(process.execPath, ["bin/trainyard.mjs", "kube-job", ...words], {
    encoding: "utf8",
  });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return parse(ended.stdout, { version: "1.1" });
}

/**
 * Applies the Job of a run, with pods that the lab keeps running until something ends them.
 * @param {string} run
 * @param {readonly string[]} words of kube-job
 * @returns {Promise<string>} the Job's name
 */
export async function startJob(run, ...words) {
  const job = printedJob(run, ...words);
  job.spec.template.metadata.annotations["kube-lab/hold"] = "true";
  await apply(stringify(job, { version: "1.1", lineWidth: 0 }));
  await workersOf(job.metadata.name, job.spec.parallelism);
  return job.metadata.name;
}

/**
 * Waits for so many running pods of a Job, and none more.
 * @param {string} job
 * @param {number} count
 * @returns {Promise<KubeObject[]>} by index
 */
export const workersOf = (job, count) => running(`batch.kubernetes.io/job-name=${job}`, count);

/**
 * Waits for so many running pods, and none more.
 * @param {string} selector
 * @param {number} count
 * @returns {Promise<KubeObject[]>} by index, or name
 */
export function running(selector, count) {
  return until(
    `${count} running pods of ${selector}`,
    async () => {
      const pods = (await list("pods", selector)).filter(isAlive);
      return pods.length === count && pods.every(isRunning) ? pods.sort(byIndex) : undefined;
    },
    180,
  );
}

/** @param {KubeObject} pod */
const isAlive = ({ metadata, status }) =>
  metadata.deletionTimestamp === undefined && !["Failed", "Succeeded"].includes(status.phase);

/** @param {KubeObject} pod */
const isRunning = ({ status }) => status.phase === "Running";

/** @param {KubeObject} pod */
export const indexOf = ({ metadata }) =>
  Number(metadata.labels["batch.kubernetes.io/job-completion-index"] ?? 0);

/**
 * @param {KubeObject} a
 * @param {KubeObject} b
 */
const byIndex = (a, b) => indexOf(a) - indexOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1);

/** @param {KubeObject} pod */
export const nameOf = ({ metadata }) => metadata.name;
