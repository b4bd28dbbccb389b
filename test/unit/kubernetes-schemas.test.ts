/** Every object of deploy/kubernetes is one that the API knows, field by field, and so is the workers' Job. */
import { describe, expect, it } from "vitest";
import { asYaml, build, buildable, complaints, jobOf } from "../support/kubernetes.js";

describe.each(buildable)("deploy/kubernetes/%s", (name) => {
  it("holds only fields that Kubernetes 1.34 and the custom resources know", () => {
    expect(complaints(build(name))).toBe("");
  });

  it("holds no Secret: they are made where it runs", () => {
    expect(build(name)).not.toMatch(/^kind: Secret$/m);
  });
});

it.each(["", "gpu", "spot", "mtls", "queue"])("so does the Job with --%s", (kind) => {
  const more = { gpu: 1, spot: true, mtls: true, queue: "trainyard" };
  const options = kind === "" ? {} : { [kind]: more[kind as keyof typeof more] };
  expect(complaints(asYaml(jobOf("faces-1", options)))).toBe("");
});

describe("the check itself refuses", () => {
  it.each([
    ["pool", "maxSurge: 0", "maxSurges: 0"],
    ["pool", "containerPort: 7090", 'containerPort: "7090"'],
    ["pool", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets"],
    ["monitoring", "scrapeTimeout: 4s", "scrapeTimeouts: 4s"],
    ["mtls", "isCA: true", "isCa: true"],
    ["kueue", "nominalQuota", "nominalQuotas"],
  ])("in %s, in place of %s, %s", (overlay, right, wrong) => {
    const text = build(`overlays/${overlay}`);
    expect(text).toContain(right);
    expect(complaints(text.replace(right, wrong))).not.toBe("");
  });
});
