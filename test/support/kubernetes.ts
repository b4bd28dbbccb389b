/**
 * The Kubernetes objects of deploy/kubernetes as kustomize builds them, and kubeconform's word on objects: schemas of the
 * version that the lab runs, unknown fields refused.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { workersJob } from "../../cli/kube-job/job.js";
import type { WorkerPod } from "../../cli/kube-job/pod.js";
import { programVersion } from "../../shared/version.js";
import { kubeconformProgram, kustomizeProgram, schemaFolder } from "./setup/kubernetes-paths.mjs";

/** A Kubernetes object, or a part of one, as far as tests look into it. */
// biome-ignore lint/suspicious/noExplicitAny: objects of many kinds, whose fields the schemas have checked.
export type KubeObject = { readonly [field: string]: any };

const folder = resolve("deploy/kubernetes");
/** The base and every overlay, as folders within deploy/kubernetes. */
export const buildable = ["base", ...readdirSync(join(folder, "overlays")).map((name) => `overlays/${name}`)];

/** A worker as `kube-job` makes it when it is told nothing. */
export const plainWorker: WorkerPod = {
  image: `trainyard/worker-cpu:${programVersion()}`,
  cpu: "2",
  memory: "4Gi",
  gpu: 0,
  spot: false,
  mtls: false,
};

/** The Job of a run's workers. */
export const jobOf = (run: string, more: object = {}): KubeObject =>
  workersJob({ ...plainWorker, run, workers: 3, namespace: "trainyard", ...more });

/** As `kube-job` prints it. */
export const asYaml = (object: object): string => stringify(object, { version: "1.1", lineWidth: 0 });

/** What runs pods among the objects of a folder, and a run's Job beside them. */
export const workloadsOf = (name: string): KubeObject[] => [
  ...objectsOf(name).filter(({ spec }) => spec?.template?.spec?.containers !== undefined),
  jobOf("faces-1", { mtls: objectsOf(name).some(({ kind }) => kind === "Certificate") }),
];

export interface NamedPod {
  /** `Deployment trainyard-worker`. */
  readonly of: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: KubeObject;
  readonly containers: readonly KubeObject[];
}

/** The pods of these workloads. */
export const podsOf = (name: string): NamedPod[] =>
  workloadsOf(name).map(({ kind, metadata, spec }) => ({
    of: `${kind} ${metadata.name}`,
    labels: spec.template.metadata.labels,
    spec: spec.template.spec,
    containers: spec.template.spec.containers,
  }));

/** A selector's `matchLabels`; none select everything. Other forms are not used here, and refused. */
export function selects(selector: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, ...other } = selector;
  if (Object.keys(other).length > 0) throw new Error(`this test reads no ${Object.keys(other)}`);
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
}

const built = new Map<string, string>();

/** What kustomize makes of one of these folders, as YAML. */
export function build(name: string): string {
  const made = built.get(name) ?? run(kustomizeProgram, ["build", join(folder, name)]);
  built.set(name, made);
  return made;
}

export const objectsOf = (name: string): KubeObject[] => parseObjects(build(name));

/** All objects of a YAML text, read as Kubernetes reads it (YAML 1.1). */
export const parseObjects = (text: string): KubeObject[] =>
  parseAllDocuments(text, { version: "1.1" }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as KubeObject;
  });

/** The one object of a kind and a name. */
export function objectOf(name: string, kind: string, objectName: string): KubeObject {
  const found = objectsOf(name).filter((one) => one.kind === kind && one.metadata.name === objectName);
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} ${kind} ${objectName}`);
  return found[0];
}

/** What kubeconform has against these objects; empty when they are right. */
export function complaints(yaml: string): string {
  const location = `${schemaFolder}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  const words = ["-strict", "-schema-location", location, "-"];
  const ended = spawnSync(existing(kubeconformProgram), words, { input: yaml, encoding: "utf8" });
  if (ended.error !== undefined) throw ended.error;
  return `${ended.stdout}${ended.stderr}`;
}

function run(program: string, words: readonly string[]): string {
  const ended = spawnSync(existing(program), words, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (ended.error !== undefined) throw ended.error;
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended.stdout;
}

function existing(path: string): string {
  if (existsSync(path)) return path;
  throw new Error(`${path} is not there; npm test installs it`);
}
