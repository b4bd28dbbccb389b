/** What an engine computes on: chosen by what was found, and said in one sentence. */
import { describe, expect, it } from "vitest";
import {
  chooseDevice,
  cpuDevice,
  type DeviceFindings,
  type GpuAnswer,
} from "../../engine/native/compute-device.js";
import { readProbe } from "../../engine/native/find-device.js";
import { nativeEnvironment } from "../../engine/native/load-tensorflow.js";
import { workerFingerprint } from "../../worker/fingerprint.js";

const both = { cpu: true, gpu: true };
const driver = { library: true, error: "", version: 12_080, devices: ["NVIDIA H200"] };
const answered = (change: Partial<typeof driver>, isUsable = false): GpuAnswer => ({
  tag: "answered",
  driver: { ...driver, ...change },
  isUsable,
  reason: "it says nothing",
});
const found = (change: Partial<DeviceFindings>): DeviceFindings => ({
  installed: both,
  isDriverInKernel: false,
  answer: answered({}),
  ...change,
});

const onCpu = { build: "cpu", gpu: null };

describe("with a GPU that TensorFlow can use", () => {
  const usable = found({ answer: answered({}, true), isDriverInKernel: true });

  it.each(["auto", "gpu"] as const)("%s takes it", (wish) => {
    expect(chooseDevice(wish, usable)).toEqual({
      device: { build: "gpu", gpu: "NVIDIA H200" },
      sentence: "computing on NVIDIA H200",
      isNews: true,
    });
  });

  it("takes the first of several, and says how to choose another", () => {
    const two = found({ answer: answered({ devices: ["NVIDIA L4", "NVIDIA H200"] }, true) });
    expect(chooseDevice("auto", two)).toMatchObject({
      device: { gpu: "NVIDIA L4" },
      sentence: "computing on NVIDIA L4, the first of 2 (CUDA_VISIBLE_DEVICES names another)",
    });
  });

  it("cpu does not use it", () => {
    expect(chooseDevice("cpu", usable)).toMatchObject({ device: onCpu, isNews: false });
  });
});

const lacks: readonly (readonly [string, Partial<DeviceFindings>, string])[] = [
  [
    "nothing of either",
    { installed: { cpu: true, gpu: false }, answer: null },
    "no GPU TensorFlow is installed (npx trainyard setup --gpu), no NVIDIA driver is here",
  ],
  [
    "a driver, and no GPU TensorFlow",
    { installed: { cpu: true, gpu: false }, answer: null, isDriverInKernel: true },
    "no GPU TensorFlow is installed (npx trainyard setup --gpu), an NVIDIA driver is here",
  ],
  [
    "no driver",
    { answer: answered({ library: false, version: 0, devices: [] }) },
    "GPU TensorFlow is installed, no NVIDIA driver answers (libcuda.so.1 is missing)",
  ],
  [
    "a driver that a container does not see",
    { answer: answered({ library: false, version: 0, devices: [] }), isDriverInKernel: true },
    "GPU TensorFlow is installed, no NVIDIA driver answers (libcuda.so.1 is missing here, though Linux has the driver: a container takes NVIDIA's runtime)",
  ],
  [
    "a driver that refuses",
    { answer: answered({ error: "CUDA_ERROR_NO_DEVICE", devices: [] }) },
    "GPU TensorFlow is installed, the NVIDIA driver gives no GPU (CUDA_ERROR_NO_DEVICE)",
  ],
  [
    "a driver without GPUs",
    { answer: answered({ devices: [] }) },
    "GPU TensorFlow is installed, the NVIDIA driver knows no GPU",
  ],
  [
    "a driver that is too old",
    { answer: answered({ version: 11_080 }) },
    "GPU TensorFlow is installed, the NVIDIA driver runs CUDA 11.8, and CUDA 12 is needed (driver 525 or newer)",
  ],
  [
    "a GPU that TensorFlow can't use",
    { answer: answered({}) },
    "GPU TensorFlow is installed, but can't use NVIDIA H200 (it says nothing)",
  ],
  [
    "a driver that ends the process that asks",
    { answer: { tag: "failed", reason: "exit code 139" } },
    "GPU TensorFlow is installed, but asking for a GPU failed (exit code 139)",
  ],
];

describe.each(lacks)("with %s", (_, change, lack) => {
  it("auto computes on the CPU and says why it uses no GPU", () => {
    expect(chooseDevice("auto", found(change))).toMatchObject({
      device: onCpu,
      sentence: `${lack}: computing on the CPU`,
    });
  });

  it("gpu is refused with the same reason, as wrong configuration", () => {
    const choose = () => chooseDevice("gpu", found(change));
    expect(choose).toThrow(`--device gpu: ${lack}`);
    expect(choose).toThrow(expect.objectContaining({ exitCode: 2 }));
  });
});

it("is worth logging only on a machine with signs of a GPU", () => {
  const isNews = (change: Partial<DeviceFindings>) => chooseDevice("auto", found(change)).isNews;
  const cpuOnly = { installed: { cpu: true, gpu: false }, answer: null };
  expect([isNews(cpuOnly), isNews({ ...cpuOnly, isDriverInKernel: true }), isNews({})]).toEqual([
    false,
    true,
    true,
  ]);
});

it("the CPU computes on its own build, and on the GPU's where only that is installed", () => {
  const build = (cpu: boolean, gpu: boolean) => cpuDevice({ cpu, gpu }).build;
  expect([build(true, true), build(true, false), build(false, true), build(false, false)]).toEqual([
    "cpu",
    "cpu",
    "gpu",
    "cpu",
  ]);
});

describe("the process that asks", () => {
  const line = JSON.stringify({ driver, isUsable: false });
  const log =
    "WARNING: All log messages before\nW0000 00:00:1.2 12 gpu_device.cc:23] Cannot dlopen some libraries.\n";

  it("is read with TensorFlow's reason, without time and place", () => {
    expect(readProbe(0, `${log}${line}\n`, true)).toEqual({
      tag: "answered",
      driver,
      isUsable: false,
      reason: "Cannot dlopen some libraries",
    });
    expect(readProbe(0, line, true)).toMatchObject({ reason: "it does not say why" });
  });

  it("is read with our reason where the CUDA libraries are not installed, since TensorFlow then blames the driver", () => {
    expect(readProbe(0, `${log}${line}`, false)).toMatchObject({
      reason: expect.stringMatching(/CUDA libraries are not installed.*setup --gpu$/),
    });
  });

  it("that ends without an answer has failed", () => {
    expect(readProbe(139, "", true)).toEqual({ tag: "failed", reason: "exit code 139" });
    expect(readProbe(1, `${log}Aborted\n`, true)).toMatchObject({ reason: "Cannot dlopen some libraries" });
    expect(readProbe(1, "Error: no such file\n", true)).toMatchObject({ reason: "Error: no such file" });
  });
});

describe("TensorFlow's environment", () => {
  const options = { intraOpThreads: 2, oneDnn: true };

  it("hides every GPU from the GPU's build where the CPU computes", () => {
    const environment = nativeEnvironment({ ...options, device: { build: "gpu", gpu: null } });
    expect(environment).toMatchObject({ CUDA_VISIBLE_DEVICES: "-1" });
    expect(nativeEnvironment({ ...options, device: { build: "cpu", gpu: null } })).not.toHaveProperty(
      "CUDA_VISIBLE_DEVICES",
    );
  });

  it.each([
    [undefined, "0"],
    ["", "0"],
    ["3", "3"],
    ["2,1", "2"],
    ["GPU-a1, GPU-b2", "GPU-a1"],
  ])("with CUDA_VISIBLE_DEVICES=%s shows it GPU %s, and lets its memory grow", (given, shown) => {
    const before = process.env["CUDA_VISIBLE_DEVICES"];
    try {
      if (given === undefined) delete process.env["CUDA_VISIBLE_DEVICES"];
      else process.env["CUDA_VISIBLE_DEVICES"] = given;
      expect(nativeEnvironment({ ...options, device: { build: "gpu", gpu: "NVIDIA H200" } })).toMatchObject({
        CUDA_VISIBLE_DEVICES: shown,
        TF_FORCE_GPU_ALLOW_GROWTH: "true",
        TF_DETERMINISTIC_OPS: "1",
        TF_CUDNN_DETERMINISTIC: "1",
      });
    } finally {
      if (before === undefined) delete process.env["CUDA_VISIBLE_DEVICES"];
      else process.env["CUDA_VISIBLE_DEVICES"] = before;
    }
  });
});

it("a worker's fingerprint names the build, and the GPU in place of the processor", () => {
  const { device: processor } = workerFingerprint({ build: "cpu", gpu: null });
  expect(workerFingerprint({ build: "gpu", gpu: null })).toMatchObject({
    tensorflow: "2.21.0 gpu",
    device: processor,
  });
  expect(workerFingerprint({ build: "gpu", gpu: "NVIDIA H200" }).device).toBe("NVIDIA H200");
  expect(workerFingerprint({ build: "cpu", gpu: null }).tensorflow).toBe("2.21.0 cpu");
});
