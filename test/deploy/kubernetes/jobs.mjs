/** What the real Job controller makes of the workers' ends, of lost machines and of another number of workers. */
import { endPod, get, kubectl, namespace, until } from "./cluster.mjs";
import { equipNodes } from "./nodes.mjs";
import { indexOf, nameOf, startJob, workersOf } from "./parts.mjs";

/** @typedef {import("./cluster.mjs").KubeObject} KubeObject */

/**
 * @param {string} job
 * @param {string} type
 */
const conditionOf = async (job, type) =>
  ((await get("job", job)).status.conditions ?? []).find(
    (/** @type {KubeObject} */ condition) => condition.type === type && condition.status === "True",
  );

/**
 * @param {string} job
 * @param {string} type
 */
const ended = (job, type) => until(`${job} ${type}`, () => conditionOf(job, type));

/**
 * The pod of an index after another one had its place.
 * @param {string} job
 * @param {number} count of workers
 * @param {KubeObject} former
 */
async function successorOf(job, count, former) {
  const index = indexOf(former);
  return until(`a new pod of index ${index}`, async () => {
    const pod = (await workersOf(job, count)).find((one) => indexOf(one) === index);
    return pod !== undefined && nameOf(pod) !== nameOf(former) ? pod : undefined;
  });
}

/** @param {string} job */
async function mustGoOn(job) {
  if ((await conditionOf(job, "Failed")) !== undefined) throw new Error(`${job} has failed`);
}

export async function wrongConfiguration() {
  const job = await startJob("wrong-1", "--workers", "3");
  const [first] = await workersOf(job, 3);
  await endPod(nameOf(first), 2);
  const { reason } = await ended(job, "Failed");
  if (reason !== "PodFailurePolicy") throw new Error(`failed for ${reason}`);
  await workersOf(job, 0);
  return `Job failed: ${reason}; the other two workers were ended`;
}

export async function interrupted() {
  const job = await startJob("drained-1", "--workers", "2");
  const [first] = await workersOf(job, 2);
  await endPod(nameOf(first), 3);
  const second = await successorOf(job, 2, first);
  await endPod(nameOf(second), 3);
  return ignoredIn(job, await successorOf(job, 2, second));
}

export async function crashed() {
  const job = await startJob("crashed-1", "--workers", "2");
  const [, second] = await workersOf(job, 2);
  await endPod(nameOf(second), 1);
  const next = await successorOf(job, 2, second);
  const count = next.metadata.annotations["batch.kubernetes.io/job-index-failure-count"];
  await mustGoOn(job);
  if (count !== "1") throw new Error(`failures of index 1: ${count}`);
  return "counted against its index (1 of 6), and started again";
}

export async function evicted() {
  const job = await startJob("evicted-1", "--workers", "2");
  const [first] = await workersOf(job, 2);
  const eviction = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: nameOf(first), namespace },
  };
  const path = `/api/v1/namespaces/${namespace}/pods/${nameOf(first)}/eviction`;
  await kubectl(["create", "--raw", path, "--filename", "-"], JSON.stringify(eviction));
  const next = await successorOf(job, 2, first);
  return ignoredIn(job, next);
}

export async function lostMachine() {
  const job = await startJob("lost-1", "--workers", "3");
  const [first] = await workersOf(job, 3);
  const node = first.spec.nodeName;
  await kubectl(["delete", "node", node]);
  const next = await successorOf(job, 3, first);
  const where = next.spec.nodeName;
  await equipNodes();
  return `${await ignoredIn(job, next)}; from ${node} to ${where}`;
}

/**
 * @param {string} job
 * @param {KubeObject} next
 */
async function ignoredIn(job, next) {
  await mustGoOn(job);
  const count = next.metadata.annotations["batch.kubernetes.io/job-index-failure-count"] ?? "0";
  const ignored = next.metadata.annotations["batch.kubernetes.io/job-index-ignored-failure-count"] ?? "0";
  if (count !== "0") throw new Error(`counted: ${count}`);
  return `not counted (failures 0, ignored ${ignored}), replaced by ${nameOf(next)}`;
}

export async function finished() {
  const job = await startJob("finished-1", "--workers", "3");
  const [, , third] = await workersOf(job, 3);
  await kubectl([
    ...["patch", "pod", nameOf(third), "--namespace", namespace, "--subresource=status", "--type=merge"],
    ...["--patch", '{"status":{"phase":"Succeeded"}}'],
  ]);
  await ended(job, "Complete");
  const { completionTime, completedIndexes } = (await get("job", job)).status;
  if (completionTime === undefined) throw new Error("no time of completion");
  return `Job complete with index ${completedIndexes} alone; nobody is started again`;
}

/**
 * @param {string} job
 * @param {number} count
 */
async function scaleJob(job, count) {
  const patch = `{"spec":{"parallelism":${count},"completions":${count}}}`;
  await kubectl(["patch", "job", job, "--namespace", namespace, "--type=merge", "--patch", patch]);
  return (await workersOf(job, count)).map(nameOf);
}

export async function scaled() {
  const job = await startJob("elastic-1", "--workers", "2");
  const two = (await workersOf(job, 2)).map(nameOf);
  const five = await scaleJob(job, 5);
  if (!two.every((name) => five.includes(name))) throw new Error("the first two were restarted");
  const one = await scaleJob(job, 1);
  if (one[0] !== two[0]) throw new Error("index 0 was restarted");
  await mustGoOn(job);
  await endPod(/** @type {string} */ (one[0]), 3);
  await workersOf(job, 1);
  return "2, 5, 1: nobody restarted who stays; the highest indexes go first";
}
