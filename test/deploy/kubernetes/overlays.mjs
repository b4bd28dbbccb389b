/** Every overlay applied as a stranger would, and its pods made by the real controllers under Pod Security. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { customResourceFolder } from "../../support/setup/kubernetes-paths.mjs";
import { apply, kubectl, list, namespace, tryKubectl } from "./cluster.mjs";
import { emptyNamespace } from "./nodes.mjs";
import { built, nameOf, printedJob, running } from "./parts.mjs";

/** @typedef {import("./cluster.mjs").KubeObject} KubeObject */

export const folders = [
  "base",
  ...readdirSync("deploy/kubernetes/overlays").map((name) => `overlays/${name}`),
];

/** The definitions of cert-manager, Prometheus' operator and Kueue; their controllers are not there. */
export async function installCustomResources() {
  const files = readdirSync(customResourceFolder);
  for (const file of files) await apply(readFileSync(join(customResourceFolder, file), "utf8"));
  await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  return `${files.length} definitions, of the packages that the offline check uses`;
}

/**
 * Applied strictly without a warning, and every pod that its controllers have to make is admitted and runs.
 * @param {string} folder
 */
export async function applyOverlay(folder) {
  await emptyNamespace();
  const text = built(folder);
  await apply(text);
  /** @type {KubeObject[]} */
  const objects = parseAllDocuments(text, { version: "1.1" }).map((document) => document.toJS());
  const workloads = objects.filter(({ kind }) => kind === "StatefulSet" || kind === "Deployment");
  for (const { spec } of workloads) await running(selectorOf(spec.selector), spec.replicas);
  const pods = await list("pods");
  const refused = (await list("events")).filter(({ reason }) => reason === "FailedCreate");
  if (refused.length > 0) throw new Error(refused[0].message);
  return `${objects.length} objects; ${counted(pods.map(nameOf).map(withoutRandom))}`;
}

/** @param {KubeObject} selector */
const selectorOf = ({ matchLabels }) =>
  Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/**
 * `one, 3 × another`.
 * @param {readonly string[]} names
 */
const counted = (names) =>
  [...new Set(names)]
    .sort()
    .map((name) => [names.filter((other) => other === name).length, name])
    .map(([count, name]) => (count === 1 ? name : `${count} × ${name}`))
    .join(", ");

/** @param {string} pod */
const withoutRandom = (pod) => pod.replace(/-[a-z0-9]{8,10}-[a-z0-9]{5}$/, "");

/** The server refuses what the offline check refuses. */
export async function refuseUnknownField() {
  const wrong = built("overlays/pool").replace("maxSurge:", "maxSurges:");
  return mustFail(["apply", "--server-side", "--validate=strict", "--filename", "-"], wrong, "maxSurges");
}

/** Pod Security is in force in the namespace. */
export async function refusePodWithRights() {
  await emptyNamespace();
  await apply(built("base"));
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "with-rights", namespace },
    spec: { containers: [{ name: "shell", image: "trainyard/cli:0.1.0" }] },
  };
  return mustFail(["apply", "--filename", "-"], JSON.stringify(pod), 'violates PodSecurity "restricted');
}

/**
 * @param {readonly string[]} words
 * @param {string} input
 * @param {string} sentence that kubectl has to say
 */
async function mustFail(words, input, sentence) {
  const ended = await tryKubectl(words, input);
  if (ended.code === 0) throw new Error("it was taken");
  if (!ended.stderr.includes(sentence)) throw new Error(`another reason: ${ended.stderr.trim()}`);
  return `refused: ${sentence}`;
}

/** Runs with names that Kubernetes would not take, and every kind of worker, as the server sees them. */
export async function applyJobs() {
  const jobs = [
    printedJob("Faces_1.b"),
    printedJob("x".repeat(100), "--workers", "3"),
    printedJob("on", "--gpu", "1", "--spot", "--mtls"),
    printedJob("1_000", "--queue", "trainyard", "--min-workers", "1"),
  ];
  for (const job of jobs) {
    const words = ["apply", "--server-side", "--validate=strict", "--dry-run=server", "--filename", "-"];
    await kubectl([...words, "--output", "name"], JSON.stringify(job));
  }
  return jobs
    .map(({ metadata }) => metadata.name)
    .join(", ")
    .replace(/x{10,}/, "xxx…");
}
