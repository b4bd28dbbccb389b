/** The workers' Job: the pool's pod in every kind, names that Kubernetes takes, exit codes that mean what they say. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jobNameOf, runLabelOf } from "../../cli/kube-job/names.js";
import { podSpec, type WorkerPod } from "../../cli/kube-job/pod.js";
import { programVersion } from "../../shared/version.js";
import {
  asYaml,
  complaints,
  jobOf as job,
  objectOf,
  parseObjects,
  plainWorker as plain,
} from "../support/kubernetes.js";

const gpu = { ...plain, image: `trainyard/worker-gpu:${programVersion()}`, gpu: 1 };

describe("the Job's pod is the pool's", () => {
  const kinds: [string, WorkerPod][] = [
    ["pool", plain],
    ["gpu", gpu],
    ["spot", { ...plain, spot: true }],
    ["mtls", { ...plain, mtls: true }],
    ["production", { ...gpu, spot: true, mtls: true }],
  ];

  it.each(kinds)("with the overlay %s", (overlay, pod) => {
    const pool = objectOf(`overlays/${overlay}`, "Deployment", "trainyard-worker").spec.template;
    // Lists by name or key: kustomize puts what a patch adds first.
    expect(sorted(podSpec(pod, ["--stay"]))).toEqual(sorted(pool.spec));
  });

  it("but for the run in place of --stay, and what a Job needs", () => {
    const { restartPolicy, ...spec } = job("faces-1").spec.template.spec;
    expect(restartPolicy).toBe("Never");
    expect(spec).toEqual(podSpec(plain, ["--run=faces-1"]));
  });

  it("is selected by the policies and the budget of Jobs, not by the pool's", () => {
    const { labels } = job("faces-1").spec.template.metadata;
    const pool = objectOf("overlays/pool", "PodDisruptionBudget", "trainyard-worker");
    const jobs = objectOf("base", "PodDisruptionBudget", "trainyard-job-workers");
    expect(labels).toMatchObject(jobs.spec.selector.matchLabels);
    expect(labels).not.toMatchObject(pool.spec.selector.matchLabels);
  });
});

const runNames = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/);

describe("names", () => {
  it("are ones that Kubernetes takes, with room for the pod's index and random part", () => {
    fc.assert(
      fc.property(runNames, (run) => {
        expect(jobNameOf(run)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect(`${jobNameOf(run)}-4095-abcde`.length).toBeLessThanOrEqual(63);
        expect(runLabelOf(run)).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
      }),
    );
  });

  it("stay a run's own where they can", () => {
    expect(jobNameOf("faces-20261129-094701-ab12")).toBe("faces-20261129-094701-ab12-workers");
    expect(runLabelOf("Faces_1.b")).toBe("Faces_1.b");
  });

  it.each([
    ["Faces", "faces"],
    ["a.b", "a-b"],
    ["a__b", "a--b"],
    ["x".repeat(99), "x".repeat(100)],
  ])("of %s and %s differ", (one, other) => {
    expect(jobNameOf(one)).not.toBe(jobNameOf(other));
    expect(runLabelOf(one)).not.toBe(runLabelOf(other));
  });

  it("that YAML could take for something else stay names", () => {
    const runs = ["on", "1_000", "0x1F", "1e5", "null", "No", "017", "2026-11-29", "Y", "0b1", "1.", "a."];
    const yaml = runs.map((run) => asYaml(job(run))).join("---\n");
    expect(complaints(yaml)).toBe("");
    const labels = parseObjects(yaml).map(({ metadata }) => metadata.labels["trainyard/run"]);
    expect(labels).toEqual(runs.map(runLabelOf));
  });
});

describe("how it ends", () => {
  it("by exit code: configuration ends it, an interrupted or lost worker is replaced, others count", () => {
    expect(job("faces-1").spec.podFailurePolicy.rules).toEqual([
      { action: "FailJob", onExitCodes: { containerName: "worker", operator: "In", values: [2] } },
      { action: "Ignore", onExitCodes: { containerName: "worker", operator: "In", values: [3] } },
      { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    ]);
  });

  it("can be given more and fewer workers while it runs: as many completions as workers", () => {
    const { completionMode, completions, parallelism } = job("faces-1").spec;
    expect([completionMode, completions, parallelism]).toEqual(["Indexed", 3, 3]);
  });
});

describe("with a queue", () => {
  const queued = job("faces-1", { queue: "trainyard", minWorkers: 2 });

  it("waits for it, and may begin with fewer", () => {
    expect(queued.spec.suspend).toBe(true);
    expect(queued.metadata.labels["kueue.x-k8s.io/queue-name"]).toBe("trainyard");
    expect(queued.metadata.annotations).toMatchObject({
      "kueue.x-k8s.io/job-min-parallelism": "2",
      "kueue.x-k8s.io/job-completions-equal-parallelism": "true",
    });
    expect(complaints(asYaml(queued))).toBe("");
  });

  it("asks only for resources that the queue counts", () => {
    const [group] = objectOf("overlays/kueue", "ClusterQueue", "trainyard").spec.resourceGroups;
    const { requests, limits } = job("faces-1", gpu).spec.template.spec.containers[0].resources;
    expect(group.coveredResources).toEqual(expect.arrayContaining(Object.keys({ ...requests, ...limits })));
  });
});

/** With every list of named things in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    return items.every((item) => typeof item === "object")
      ? items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sorted(item)]));
}

const nameOf = (item: unknown) => {
  const { name, mountPath, key, ...rest } = item as Record<string, unknown>;
  return String(mountPath ?? name ?? key ?? JSON.stringify(rest));
};
