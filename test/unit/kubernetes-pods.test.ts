/** Every pod of deploy/kubernetes: no rights, bounded room, an end that is long enough, and one budget for drains. */
import { describe, expect, it } from "vitest";
import { limits } from "../../shared/limits.js";
import { buildable, type KubeObject, objectsOf, podsOf, selects } from "../support/kubernetes.js";

const pods = buildable.flatMap((name) =>
  podsOf(name).map((pod) => ({ ...pod, name, title: `${name}: ${pod.of}` })),
);
const trainyardPods = pods.filter(({ labels }) => labels["app.kubernetes.io/name"] === "trainyard");
/** The command line's pod only waits. */
const isServer = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
  labels["app.kubernetes.io/component"] !== "cli";
const volumesOf = (spec: KubeObject): KubeObject[] => spec.volumes ?? [];

describe.each(pods)("$title", ({ name, labels, spec, containers }) => {
  it("has no rights: Pod Security's restricted profile, and a root that can't be written", () => {
    expect(spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
    }
    for (const field of ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"]) {
      expect(spec).not.toHaveProperty(field);
    }
  });

  it("has no token of the Kubernetes API and no variables made of Services", () => {
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.enableServiceLinks).toBe(false);
  });

  it("asks for what it needs, has an end to its memory and disk, and none to its processors", () => {
    for (const { resources } of containers) {
      expect(Object.keys(resources.requests).sort()).toEqual(["cpu", "ephemeral-storage", "memory"]);
      expect(resources.limits).not.toHaveProperty("cpu");
      expect(bytes(resources.limits.memory)).toBeGreaterThanOrEqual(bytes(resources.requests.memory));
    }
  });

  it("writes into bounded folders, which fit into its disk", () => {
    const folders = volumesOf(spec).filter(({ emptyDir }) => emptyDir !== undefined);
    const room = folders.reduce((sum, { emptyDir }) => sum + bytes(emptyDir.sizeLimit), 0);
    const disk = containers.reduce((sum, one) => sum + bytes(one.resources.limits["ephemeral-storage"]), 0);
    expect(room).toBeLessThanOrEqual(disk);
  });

  it("mounts each volume, and nothing that is none", () => {
    const claims = name === "overlays/single" && labels["app.kubernetes.io/name"] === "minio" ? ["data"] : [];
    const mounted = containers.flatMap((one) => one.volumeMounts.map((mount: KubeObject) => mount.name));
    expect(mounted.sort()).toEqual([...volumesOf(spec).map((volume) => volume.name), ...claims].sort());
  });

  it("is in exactly one disruption budget: the API refuses to evict a pod that is in two", () => {
    const budgets = objectsOf(name).filter(
      ({ kind, spec: budget }) => kind === "PodDisruptionBudget" && selects(budget.selector, labels),
    );
    expect(budgets).toHaveLength(1);
  });
});

describe.each(pods.filter(isServer))("$title", ({ containers }) => {
  it("is asked by its own server whether it has started, lives and is ready", () => {
    for (const { startupProbe, livenessProbe, readinessProbe, ports } of containers) {
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        expect(ports.map((port: KubeObject) => port.name)).toContain(probe.httpGet.port);
      }
    }
  });
});

describe.each(trainyardPods.filter(isServer))("$title", ({ spec, containers, labels }) => {
  it("has longer to end than it takes: 10 s to hand lanes back, and less than a spot machine's notice", () => {
    const graceMs = spec.terminationGracePeriodSeconds * 1000;
    expect(graceMs).toBeGreaterThan(limits.drainMs);
    if (labels["app.kubernetes.io/component"] === "worker") expect(graceMs).toBeLessThanOrEqual(30_000);
  });

  it("is asked over TLS", () => {
    for (const { startupProbe, livenessProbe, readinessProbe } of containers) {
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        expect(probe.httpGet.scheme).toBe("HTTPS");
        expect(["/healthz", "/readyz"]).toContain(probe.httpGet.path);
      }
    }
  });
});

const units: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function bytes(quantity: string): number {
  const [, number, unit = ""] = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity) ?? [];
  const factor = units[unit];
  if (number === undefined || factor === undefined) throw new Error(`no size: ${quantity}`);
  return Number(number) * factor;
}
