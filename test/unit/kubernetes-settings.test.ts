/** What the pods of deploy/kubernetes are told: flags and variables that the program knows, things that are there. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commands } from "../../cli/commands.js";
import { prometheusRule } from "../../deploy/kubernetes/components/monitoring/make-rules.mjs";
import { knownVariables } from "../../shared/settings/variables.js";
import { programVersion } from "../../shared/version.js";
import { optionsOf } from "../support/command-options.js";
import { buildable, type KubeObject, objectOf, objectsOf, podsOf } from "../support/kubernetes.js";

/** The Secrets that make-secrets.sh makes, with their keys, and those that cert-manager makes in their place. */
const secrets: Readonly<Record<string, readonly string[]>> = {
  "trainyard-store": ["access-key", "secret-key"],
  "trainyard-minio": ["root-user", "root-password"],
  "trainyard-tls-coordinator": ["ca.crt", "tls.crt", "tls.key"],
  "trainyard-tls-worker": ["ca.crt", "tls.crt", "tls.key"],
  "trainyard-tokens": ["tokens.json"],
  "trainyard-tls-operator": ["ca.crt", "tls.crt", "tls.key"],
  "trainyard-worker-token": ["token"],
  "trainyard-operator-token": ["token"],
  "trainyard-prometheus-token": ["token"],
};
/** Read by `readVariable`, as files. */
const storeKeys = ["TRAINYARD_S3_ACCESS_KEY_FILE", "TRAINYARD_S3_SECRET_KEY_FILE"];

const containers = buildable.flatMap((name) =>
  podsOf(name)
    .filter(({ labels }) => labels["app.kubernetes.io/name"] === "trainyard")
    .flatMap((pod) => pod.containers.map((container) => ({ ...container, title: `${name}: ${pod.of}` }))),
) as (KubeObject & { readonly title: string; readonly args: string[] })[];

const started = containers.filter(({ args }) => args !== undefined);

describe.each(started)("$title", ({ args, env }) => {
  it("is started with a command and options that the program has", async () => {
    const [name, ...words] = args as string[];
    const options = await optionsOfCommand(name);
    for (const word of words) expect(options).toContain(word.replace(/^--|=.*$/gs, ""));
  });

  it("has variables that this command reads", async () => {
    const options = await optionsOfCommand(args[0]);
    const own = [
      ...options.map((option) => `TRAINYARD_${option.replaceAll("-", "_").toUpperCase()}`),
      ...storeKeys,
    ];
    const known = knownVariables();
    for (const { name } of env as KubeObject[]) {
      if (!name.startsWith("TRAINYARD_")) continue;
      expect(known).toContain(name);
      expect(own).toContain(name);
    }
  });

  it("names no variable in its words that it has not", () => {
    const names = (env as KubeObject[]).map(({ name }) => name);
    for (const [, name] of args.join(" ").matchAll(/\$\((\w+)\)/g)) expect(names).toContain(name);
  });
});

it("the command line's container has variables that its commands read, and waits", async () => {
  const known = knownVariables();
  const [cli] = containers.filter(({ name }) => name === "cli");
  expect(cli?.command).toEqual(["/usr/bin/tini", "--", "sleep", "infinity"]);
  for (const { name } of cli?.env ?? []) expect(known).toContain(name);
});

describe.each(buildable)("deploy/kubernetes/%s", (name) => {
  const there = (kind: string) =>
    objectsOf(name)
      .filter((one) => one.kind === kind)
      .map(({ metadata }) => metadata.name);

  it("has its objects in one namespace", () => {
    const spread = new Set(objectsOf(name).map(({ metadata }) => metadata.namespace));
    spread.delete(undefined);
    expect([...spread]).toEqual(["trainyard"]);
  });

  it("refers to ConfigMaps and ServiceAccounts that are there", () => {
    for (const { spec, containers: its } of podsOf(name)) {
      if (spec.serviceAccountName !== undefined)
        expect(there("ServiceAccount")).toContain(spec.serviceAccountName);
      for (const { configMapKeyRef } of its.flatMap(sourcesOf)) {
        if (configMapKeyRef === undefined) continue;
        const [map] = objectsOf(name).filter(
          ({ kind, metadata }) => kind === "ConfigMap" && metadata.name === configMapKeyRef.name,
        );
        expect(Object.keys(map?.data ?? {})).toContain(configMapKeyRef.key);
      }
    }
  });

  it("refers to Secrets that somebody makes, and reads keys of theirs", () => {
    const issued = objectsOf(name)
      .filter(({ kind }) => kind === "Certificate")
      .map(({ spec }) => [spec.secretName, ["ca.crt", "tls.crt", "tls.key"]]);
    const made: typeof secrets = { ...secrets, ...Object.fromEntries(issued) };
    for (const { spec, containers: its } of podsOf(name)) {
      for (const { secret } of spec.volumes ?? []) {
        if (secret !== undefined) expect(made).toHaveProperty([secret.secretName]);
      }
      for (const { secretKeyRef } of its.flatMap(sourcesOf)) {
        if (secretKeyRef !== undefined) expect(made[secretKeyRef.name]).toContain(secretKeyRef.key);
      }
      for (const path of its.flatMap(pathsOf)) expect(filesOf(spec, its, made)).toContain(path);
    }
  });

  it("runs the images of this version", () => {
    const built = ["coordinator", "worker-cpu", "worker-gpu", "cli"];
    const ours = built.map((image) => `trainyard/${image}:${programVersion()}`);
    for (const image of imagesOf(name)) {
      if (!image.startsWith("minio/")) expect(ours).toContain(image);
    }
  });
});

it("Prometheus' operator gets the rules of deploy/prometheus", () => {
  const text = readFileSync("deploy/kubernetes/components/monitoring/rules.yaml", "utf8");
  expect(text, "run node deploy/kubernetes/components/monitoring/make-rules.mjs").toBe(prometheusRule());
});

it("Grafana's sidecar gets every dashboard of deploy/grafana, as it is", () => {
  const files = readdirSync("deploy/grafana/dashboards").filter((file) => file.endsWith(".json"));
  const { metadata, data } = objectOf("overlays/monitoring", "ConfigMap", "trainyard-dashboards");
  expect(metadata.labels).toEqual({ grafana_dashboard: "1" });
  expect(data).toEqual(
    Object.fromEntries(
      files.map((file) => [file, readFileSync(`deploy/grafana/dashboards/${file}`, "utf8")]),
    ),
  );
});

it("MinIO is the one of compose", () => {
  const compose = readFileSync("compose.yaml", "utf8");
  const [image] = imagesOf("overlays/single").filter((one) => one.startsWith("minio/"));
  expect(compose).toContain(image);
});

const imagesOf = (name: string): string[] =>
  podsOf(name).flatMap((pod) => pod.containers.map(({ image }) => image as string));

async function optionsOfCommand(name: string | undefined): Promise<string[]> {
  const entry = commands.find((command) => command.name === name);
  if (entry === undefined) throw new Error(`no command ${name}`);
  return [...optionsOf((await entry.load()).command), "store", "log-level"];
}

const sourcesOf = ({ env = [] }: KubeObject): KubeObject[] =>
  env.flatMap(({ valueFrom }: KubeObject) => (valueFrom === undefined ? [] : [valueFrom]));

/** Files that its variables name. Folders of certificates are checked by their ca.crt. */
const pathsOf = ({ env = [] }: KubeObject): string[] =>
  env.flatMap(({ name, value }: KubeObject) => {
    if (typeof value !== "string" || !value.startsWith("/etc/")) return [];
    return [name === "TRAINYARD_TLS" ? `${value}/ca.crt` : value];
  });

/** Where the keys of the mounted Secrets lie. */
function filesOf(spec: KubeObject, its: readonly KubeObject[], made: typeof secrets): string[] {
  return its.flatMap(({ volumeMounts }) =>
    volumeMounts.flatMap(({ name, mountPath }: KubeObject) => {
      const volume = spec.volumes?.find((one: KubeObject) => one.name === name);
      const keys = volume?.secret === undefined ? [] : (made[volume.secret.secretName] ?? []);
      return keys.map((key) => `${mountPath}/${key}`);
    }),
  );
}
