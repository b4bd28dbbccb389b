/** Who may talk to whom in deploy/kubernetes: nothing but what is listed here, through ports that exist. */
import { describe, expect, it } from "vitest";
import { buildable, type KubeObject, objectsOf, podsOf, selects } from "../support/kubernetes.js";

type Labels = Readonly<Record<string, string>>;

const part = (component: string): Labels => ({
  "app.kubernetes.io/name": "trainyard",
  "app.kubernetes.io/component": component,
});
const cli = part("cli");

const policiesOf = (name: string) => objectsOf(name).filter(({ kind }) => kind === "NetworkPolicy");
const ofKind = (name: string, kind: string) => objectsOf(name).filter((one) => one.kind === kind);

describe.each(buildable)("deploy/kubernetes/%s", (name) => {
  const pods = podsOf(name);
  const everybody: Labels[] = [...pods.map(({ labels }) => labels), cli];

  it("has Services that select pods, and ports that these have", () => {
    for (const { spec } of ofKind(name, "Service")) {
      const selected = pods.filter(({ labels }) => selects({ matchLabels: spec.selector }, labels));
      expect(selected).not.toHaveLength(0);
      for (const { port, targetPort } of spec.ports) {
        for (const { containers } of selected)
          expect(portsOf(containers)).toMatchObject({ [targetPort]: port });
      }
    }
  });

  it("has controllers and budgets that select their own pods", () => {
    for (const { kind, spec } of objectsOf(name)) {
      if (kind === "PodDisruptionBudget")
        expect(everybody.some((labels) => selects(spec.selector, labels))).toBe(true);
      if (kind === "Deployment" || kind === "StatefulSet")
        expect(selects(spec.selector, spec.template.metadata.labels)).toBe(true);
    }
  });

  it("names a Service of each StatefulSet", () => {
    const services = ofKind(name, "Service").map(({ metadata }) => metadata.name);
    for (const { spec } of ofKind(name, "StatefulSet")) expect(services).toContain(spec.serviceName);
  });

  it("denies everything to every pod, both ways", () => {
    const [everything] = policiesOf(name).filter(({ metadata }) => metadata.name === "default-deny");
    expect(everything?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("has policies that select somebody, let in whom they name, through ports that are there", () => {
    for (const { spec } of policiesOf(name)) {
      expect(everybody.some((labels) => selects(spec.podSelector, labels))).toBe(true);
      const selected = pods.filter(({ labels }) => selects(spec.podSelector, labels));
      for (const { ports } of spec.ingress ?? []) {
        for (const { containers } of selected) {
          for (const port of numbersOf(ports)) expect(Object.values(portsOf(containers))).toContain(port);
        }
      }
    }
  });

  it("allows exactly these connections within the namespace", () => {
    expect(connections(name, [...everybody, { "app.kubernetes.io/name": "stranger" }])).toEqual(
      [
        "cli → coordinator 7070",
        "cli → coordinator 7080",
        "coordinator → coordinator 7080",
        "worker → coordinator 7070",
        "worker → coordinator 7071",
        "worker → coordinator 7072",
        ...(pods.some(({ labels }) => labels["app.kubernetes.io/name"] === "minio")
          ? ["cli → store 9000", "coordinator → store 9000", "worker → store 9000"]
          : []),
      ].sort(),
    );
  });

  it("lets Prometheus in to metrics and nowhere else, where it is there", () => {
    const fromElsewhere = policiesOf(name).flatMap(({ spec }) =>
      (spec.ingress ?? []).flatMap(({ from, ports }: KubeObject) =>
        from.some((peer: KubeObject) => peer.namespaceSelector !== undefined)
          ? [`${spec.podSelector.matchLabels["app.kubernetes.io/component"]} ${numbersOf(ports)}`]
          : [],
      ),
    );
    const isMonitored = ofKind(name, "PodMonitor").length > 0;
    expect(fromElsewhere.sort()).toEqual(isMonitored ? ["coordinator 7080", "worker 7090"] : []);
  });

  it("scrapes ports that the selected pods have", () => {
    for (const { spec } of ofKind(name, "PodMonitor")) {
      const selected = pods.filter(({ labels }) => selects(spec.selector, labels));
      expect(selected).not.toHaveLength(0);
      for (const { port } of spec.podMetricsEndpoints) {
        for (const { containers } of selected) expect(portsOf(containers)).toHaveProperty(port);
      }
    }
  });
});

describe("the coordinator's ports", () => {
  const [coordinator] = podsOf("base").flatMap(({ of, containers }) =>
    of.startsWith("StatefulSet") ? containers : [],
  );
  const flag = (name: string) =>
    Number(coordinator?.args.find((word: string) => word.startsWith(`--${name}=`))?.split("=")[1]);

  it("are those that it is told to listen on, one for each reducer", () => {
    const tensors = Array.from({ length: flag("reducers") }, (_, r) => [
      `tensors-${r}`,
      flag("tensor-port") + r,
    ]);
    expect(portsOf([coordinator as KubeObject])).toEqual({
      control: flag("port"),
      http: flag("http-port"),
      ...Object.fromEntries(tensors),
    });
  });
});

/** By name. */
const portsOf = (containers: readonly KubeObject[]): Record<string, number> =>
  Object.fromEntries(
    containers.flatMap(({ ports }) =>
      (ports ?? []).map(({ name, containerPort }: KubeObject) => [name, containerPort]),
    ),
  );

const numbersOf = (ports: readonly KubeObject[]): number[] =>
  ports.flatMap(({ port, endPort = port }) => Array.from({ length: endPort - port + 1 }, (_, i) => port + i));

/** What passes the sender's policies and the receiver's, as `worker → coordinator 7070`. */
function connections(name: string, everybody: readonly Labels[]): string[] {
  const policies = policiesOf(name);
  const found = new Set<string>();
  for (const sender of everybody) {
    for (const receiver of everybody) {
      const out = allowed(policies, "egress", "to", sender, receiver);
      const into = allowed(policies, "ingress", "from", receiver, sender);
      for (const port of out.filter((number) => into.includes(number))) {
        found.add(`${nameOf(sender)} → ${nameOf(receiver)} ${port}`);
      }
    }
  }
  return [...found].sort();
}

const nameOf = (labels: Labels) => labels["app.kubernetes.io/component"] ?? "stranger";

/** Ports that the policies of `own` open towards `peer`, who is in the same namespace. */
function allowed(
  policies: readonly KubeObject[],
  direction: "egress" | "ingress",
  side: "to" | "from",
  own: Labels,
  peer: Labels,
): number[] {
  return policies
    .filter(({ spec }) => selects(spec.podSelector, own))
    .flatMap(({ spec }) => spec[direction] ?? [])
    .filter((rule) => rule[side].some((one: KubeObject) => isMeant(one, peer)))
    .flatMap(({ ports }) => numbersOf(ports));
}

function isMeant({ namespaceSelector, podSelector, ipBlock }: KubeObject, labels: Labels): boolean {
  if (ipBlock !== undefined || podSelector === undefined) return false;
  const own = { "kubernetes.io/metadata.name": "trainyard" };
  return (namespaceSelector === undefined || selects(namespaceSelector, own)) && selects(podSelector, labels);
}
