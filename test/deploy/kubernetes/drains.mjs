/** What `kubectl drain` and scaling do to the pool, to a run's Job and to the coordinator. */
import { apply, get, kubectl, list, namespace, tryKubectl, until } from "./cluster.mjs";
import { drain, emptyNamespace, nodes } from "./nodes.mjs";
import { built, nameOf, running, startJob } from "./parts.mjs";

/** @typedef {import("./cluster.mjs").KubeObject} KubeObject */

const pool = "trainyard/workers=pool";
const coordinator = "app.kubernetes.io/component=coordinator";

/** @param {readonly string[]} names */
const cordon = async (...names) => {
  for (const name of names) await kubectl(["cordon", name]);
};

const uncordonAll = async () => {
  for (const node of nodes) await kubectl(["uncordon", node]);
};

/** The budget's controller has counted the worker that is missing. */
const untilSpent = () =>
  until("a spent budget", async () => {
    const { status } = await get("poddisruptionbudget", "trainyard-worker");
    return status.currentHealthy === 2 && status.disruptionsAllowed === 0 ? true : undefined;
  });

/**
 * A drain that has to give up, because of a budget.
 * @param {string} node
 */
async function mustBlock(node) {
  const words = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=8s"];
  const ended = await tryKubectl(["drain", node, ...words]);
  if (ended.code === 0) throw new Error(`${node} was drained`);
  const sentence = "violate the pod's disruption budget";
  if (!ended.stderr.includes(sentence)) throw new Error(ended.stderr.trim());
}

export async function drainPool() {
  await uncordonAll();
  await emptyNamespace();
  await apply(built("overlays/pool"));
  const [{ spec }] = await running(coordinator, 1);
  const workers = await running(pool, 3);
  const places = new Set(workers.map((pod) => pod.spec.nodeName));
  if (places.size !== 3) throw new Error(`on ${[...places]} only`);
  const [one, other] = nodes.filter((node) => node !== spec.nodeName);
  // Nowhere to go: the first drain takes one worker, the second would take another.
  await cordon(...nodes);
  await drain(/** @type {string} */ (one), 60);
  await untilSpent();
  await mustBlock(/** @type {string} */ (other));
  // Room again: the first worker stands elsewhere, and the second may go.
  await kubectl(["uncordon", /** @type {string} */ (one)]);
  await running(pool, 3);
  await drain(/** @type {string} */ (other), 90);
  await running(pool, 3);
  await uncordonAll();
  return `${one} drained; ${other} blocked while that worker had no place, then let through`;
}

export async function drainCoordinator() {
  const [before] = await running(coordinator, 1);
  await drain(before.spec.nodeName, 90);
  const [after] = await running(coordinator, 1);
  await uncordonAll();
  if (after.spec.nodeName === before.spec.nodeName) throw new Error("it stands where it stood");
  if (nameOf(after) !== nameOf(before)) throw new Error(`it is called ${nameOf(after)}`);
  return `${nameOf(after)} moved from ${before.spec.nodeName} to ${after.spec.nodeName}`;
}

export async function drainJob() {
  await uncordonAll();
  await emptyNamespace();
  await apply(built("base"));
  const job = await startJob("moved-1", "--workers", "1");
  const selector = `batch.kubernetes.io/job-name=${job}`;
  const [only] = await running(selector, 1);
  await mustBlock(only.spec.nodeName);
  const patch = '{"spec":{"parallelism":2,"completions":2}}';
  await kubectl(["patch", "job", job, "--namespace", namespace, "--type=merge", "--patch", patch]);
  await running(selector, 2);
  await drain(only.spec.nodeName, 90);
  await running(selector, 2);
  await uncordonAll();
  return "the last worker is kept; with a second one it goes, and is replaced";
}

export async function scalePool() {
  for (const count of [5, 1, 3]) {
    await kubectl(["scale", "deployment/trainyard-worker", `--replicas=${count}`, "--namespace", namespace]);
    await running(pool, count);
  }
  return "5, 1, 3 replicas";
}

/** The coordinator's pod is made again under its name, and never twice. */
export async function replaceCoordinator() {
  const [before] = await running(coordinator, 1);
  await kubectl(["delete", "pod", nameOf(before), "--namespace", namespace, "--wait=false"]);
  await until("another pod of that name", async () => {
    const pods = await list("pods", coordinator);
    if (pods.length > 1) throw new Error(`${pods.length} coordinators`);
    return pods.some((pod) => pod.metadata.uid !== before.metadata.uid) ? true : undefined;
  });
  await running(coordinator, 1);
  return nameOf(before);
}

/** Room on a disk for the store of the overlay single. */
export async function bindDisk() {
  await emptyNamespace();
  await apply(built("overlays/single"));
  await running("app.kubernetes.io/name=minio", 1);
  const claim = await until("a bound claim", async () => {
    const found = await get("persistentvolumeclaim", "data-minio-0");
    return found.status.phase === "Bound" ? found : undefined;
  });
  return `${nameOf(claim)}, ${claim.status.capacity.storage}`;
}
