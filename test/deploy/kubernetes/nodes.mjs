/** The lab's three nodes, with what overlays ask of machines: GPUs, and two of them as spot machines. */
import { kubectl, namespace, until } from "./cluster.mjs";

export const nodes = ["lab-0", "lab-1", "lab-2"];
/** Where the coordinator may stand with the component spot. */
const steady = "lab-0";

/** Also puts back one that was deleted. */
export async function equipNodes() {
  for (const node of nodes) {
    await kubectl(["apply", "--server-side", "--force-conflicts", "--filename", "-"], manifest(node));
    const capacity = JSON.stringify({ "nvidia.com/gpu": "8" });
    const patch = `{"status":{"capacity":${capacity},"allocatable":${capacity}}}`;
    await kubectl(["patch", "node", node, "--subresource=status", "--type=merge", "--patch", patch]);
    await kubectl(["uncordon", node]);
  }
  await kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]);
}

/** @param {string} node */
const manifest = (node) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: node,
      annotations: { "kwok.x-k8s.io/node": "fake" },
      labels: {
        "kubernetes.io/hostname": node,
        "kubernetes.io/os": "linux",
        "karpenter.sh/capacity-type": node === steady ? "on-demand" : "spot",
      },
    },
    status: Object.fromEntries(
      ["capacity", "allocatable"].map((field) => [
        field,
        { cpu: "16", memory: "64Gi", pods: "110", "ephemeral-storage": "200Gi" },
      ]),
    ),
  });

/**
 * `kubectl drain` as README.md has it. Errors: what it said, when it had to give up.
 * @param {string} node
 * @param {number} seconds
 */
export const drain = (node, seconds) =>
  kubectl([
    "drain",
    node,
    "--ignore-daemonsets",
    "--delete-emptydir-data",
    "--force",
    `--timeout=${seconds}s`,
  ]);

/** An empty namespace: the former one is gone with all that was in it. */
export async function emptyNamespace() {
  await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s"]);
  await until("nodes without pods of ours", async () => {
    const pods = JSON.parse(await kubectl(["get", "pods", "--all-namespaces", "--output", "json"])).items;
    return pods.some((/** @type {any} */ pod) => pod.metadata.namespace === namespace) ? undefined : true;
  });
}
