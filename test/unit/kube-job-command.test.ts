/** `trainyard kube-job`: what it prints, what it refuses, and what it finds in the store when it is asked to look. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { programVersion } from "../../shared/version.js";
import { tinySpec } from "../support/core-driver.js";
import { complaints, jobOf, parseObjects } from "../support/kubernetes.js";
import { scratch } from "../support/program.js";
import { runProgramHere } from "../support/program-here.js";

const { folder, remove } = scratch();
const store = `file:${folder}`;
const kubeJob = (...words: string[]) => runProgramHere(["kube-job", "--store", store, ...words]);

beforeAll(() => {
  mkdirSync(join(folder, "runs", "faces-1"), { recursive: true });
  const spec = tinySpec({ run: "faces-1", lanes: 4 });
  writeFileSync(join(folder, "runs", "faces-1", "spec.json"), JSON.stringify(spec));
});
afterAll(remove);

describe("prints", () => {
  it("the Job, and nothing else, without looking for the run", async () => {
    const { code, stdout, stderr } = await kubeJob("anything-1", "--workers", "3");
    expect([code, stderr]).toEqual([0, ""]);
    expect(parseObjects(stdout)).toEqual([jobOf("anything-1")]);
  });

  it("every kind of worker, in a namespace of one's own", async () => {
    const words =
      "--gpu 2 --cpu 500m --memory 8Gi --spot --mtls --namespace lab --queue gpus --min-workers 1";
    const { stdout } = await kubeJob("faces-1", ...words.split(" "));
    expect(complaints(stdout)).toBe("");
    const [job] = parseObjects(stdout);
    expect(job?.metadata.namespace).toBe("lab");
    const [worker] = job?.spec.template.spec.containers ?? [];
    expect(worker.image).toBe(`trainyard/worker-gpu:${programVersion()}`);
    expect(worker.resources.limits).toMatchObject({ "nvidia.com/gpu": "2", memory: "8Gi" });
  });

  it("an image of one's own", async () => {
    const { stdout } = await kubeJob("faces-1", "--image", "registry.example/worker:7");
    expect(stdout).toContain("image: registry.example/worker:7\n");
  });
});

describe("refuses in a sentence", () => {
  it.each([
    [["a/b"], "can't name a run"],
    [["faces-1", "--workers", "0"], "--workers must be at least 1"],
    [["faces-1", "--namespace", "My_Space"], "--namespace must be like trainyard"],
    [["faces-1", "--cpu", "two"], "--cpu must be like 2 or 500m"],
    [["faces-1", "--memory", "4 GiB"], "--memory must be like 4Gi"],
    [["faces-1", "--image", "my image"], "--image must be like"],
    [["faces-1", "--min-workers", "1"], "--min-workers needs --queue"],
    [["faces-1", "--queue", "q", "--workers", "2", "--min-workers", "3"], "can't be more than --workers"],
    [["faces-2", "--look-up"], 'no run "faces-2"'],
  ])("%j", async (words, sentence) => {
    const { code, stdout, stderr } = await kubeJob(...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("asked to look", () => {
  it("says nothing of as many workers as lanes", async () => {
    const { code, stderr } = await kubeJob("faces-1", "--workers", "4", "--look-up");
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("tells of workers without a lane, beside the Job", async () => {
    const { stdout, stderr } = await kubeJob("faces-1", "--workers", "6", "--look-up");
    expect(stderr).toBe("faces-1 has 4 lanes: at most 4 workers compute at a time, 2 of 6 are spares\n");
    expect(parseObjects(stdout)).toHaveLength(1);
  });
});
