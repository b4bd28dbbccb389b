/**
 * What may happen to a machine in the middle of a run. Each is done to a run of its own, of the same data, settings and
 * seed as the unbroken one; the caller compares the weights.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./project.mjs";

/** @typedef {import("./project.mjs").Project} Project */

/** What a worker may use: so little that a small run lasts long enough to be disturbed on a fast machine, too. */
export const workerProcessors = "0.25";
const slowProcessors = "0.05";

/**
 * @typedef {{ run: string, what: string, fromStep: number, disturb: (project: Project) => Promise<string> }} Scenario
 *   fromStep: it is disturbed once it is there; disturb: tells what it saw
 */

/** @type {readonly Scenario[]} */
export const scenarios = [
  { run: "scaled-up", what: "a third worker: --scale worker=3", fromStep: 5, disturb: scaleUp },
  {
    run: "worker-killed",
    what: "a worker killed",
    fromStep: 40,
    disturb: (project) => killProcess(project, "worker"),
  },
  {
    run: "coordinator-killed",
    what: "the coordinator's process killed",
    fromStep: 40,
    disturb: (project) => killProcess(project, "coordinator"),
  },
  { run: "store-away", what: "MinIO stopped for 10 s and started", fromStep: 40, disturb: stopStore },
  { run: "all-stopped", what: "docker compose stop, then up", fromStep: 40, disturb: stopAll },
];

/**
 * The two that are there are slowed down meanwhile, so that the run lasts until the third has come.
 * @param {Project} project
 */
async function scaleUp(project) {
  const containers = await project.containers("worker");
  for (const container of containers) await project.limit(container, slowProcessors);
  await project.compose("up", "--detach", "--no-recreate", "--scale", "worker=3", "worker");
  const workers = await until("three workers", 120, async () => {
    const { workers } = await project.status();
    return workers.length >= 3 ? workers.length : null;
  });
  for (const container of containers) await project.limit(container, workerProcessors);
  return `${workers} workers`;
}

/**
 * @param {Project} project
 * @param {string} service
 */
async function killProcess(project, service) {
  const [container = ""] = await project.containers(service);
  const before = await project.inspect(container, "{{.State.StartedAt}}");
  await project.kill(container);
  await until(`${service} started again`, 60, async () => {
    const after = await project.inspect(container, "{{.State.StartedAt}} {{.State.Running}}");
    return after.endsWith(" true") && !after.startsWith(before) ? after : null;
  });
  return "SIGKILL, started again by Docker";
}

/** @param {Project} project */
async function stopStore(project) {
  await project.compose("stop", "minio");
  await sleep(10_000);
  await project.compose("start", "minio");
  return "10 s without a store";
}

/** @param {Project} project */
async function stopAll(project) {
  const containers = [...(await project.containers("coordinator")), ...(await project.containers("worker"))];
  const started = performance.now();
  await project.compose("stop");
  const seconds = (performance.now() - started) / 1000;
  const codes = await Promise.all(containers.map((id) => project.inspect(id, "{{.State.ExitCode}}")));
  await project.compose("up", "--detach", "--wait");
  if (codes.some((code) => code !== "3")) throw new Error(`exit codes ${codes.join(", ")}, not 3`);
  return `stopped in ${seconds.toFixed(1)} s, exit codes ${codes.join(", ")}`;
}
