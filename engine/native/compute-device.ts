/**
 * On what an engine computes: the choice between CPU and GPU, and the sentence that says what was found and why not
 * more. Decides on findings that others made (find-device.ts); loads nothing.
 */
import { TrainyardError } from "../../shared/errors.js";
import { isInstalled } from "./setup/cache-paths.mjs";
import type { DriverAnswer } from "./setup/gpu-probe.mjs";
import { type Build, platformName } from "./setup/platform.mjs";

export const deviceRequests = ["auto", "cpu", "gpu"] as const;
export type DeviceRequest = (typeof deviceRequests)[number];

export interface ComputeDevice {
  /** Of the TensorFlow library that is loaded. The GPU's serves the CPU too. */
  readonly build: Build;
  /** The GPU's model, such as "NVIDIA H200"; null: the CPU computes. */
  readonly gpu: string | null;
}

/** For whoever looks for nothing on the machine. */
export const plainCpu: ComputeDevice = { build: "cpu", gpu: null };

export interface DeviceChoice {
  readonly device: ComputeDevice;
  /** One line for the log. */
  readonly sentence: string;
  /** False where a machine has nothing to do with GPUs, so that nobody need read it. */
  readonly isNews: boolean;
}

/** `failed`: the process that asked the driver ended without an answer. `reason`: in whose words TensorFlow refused. */
export type GpuAnswer =
  | {
      readonly tag: "answered";
      readonly driver: DriverAnswer;
      readonly isUsable: boolean;
      readonly reason: string;
    }
  | { readonly tag: "failed"; readonly reason: string };

export interface DeviceFindings {
  /** Builds of TensorFlow whose library and binding are in the cache. */
  readonly installed: Readonly<Record<Build, boolean>>;
  /** Linux shows NVIDIA's driver, or a device of its. */
  readonly isDriverInKernel: boolean;
  /** Null: nobody was asked, since that takes the GPU's build. */
  readonly answer: GpuAnswer | null;
}

/** The CPU, on its own build of TensorFlow where that is installed. */
export function cpuDevice(installed = installedBuilds()): ComputeDevice {
  return { build: installed.gpu && !installed.cpu ? "gpu" : "cpu", gpu: null };
}

export function installedBuilds(): Record<Build, boolean> {
  const name = platformName();
  return { cpu: isInstalled(name, "cpu"), gpu: isInstalled(name, "gpu") };
}

/** `auto` takes a GPU that TensorFlow can use, else the CPU. Errors: SETUP for `gpu` where there is none. */
export function chooseDevice(wish: DeviceRequest, findings: DeviceFindings): DeviceChoice {
  const { installed, isDriverInKernel } = findings;
  const cpu = cpuDevice(installed);
  if (wish === "cpu") return { device: cpu, sentence: "computing on the CPU, as asked", isNews: false };
  const lack = lackOfGpu(findings);
  if (lack === null) return gpuChoice(findings.answer);
  if (wish === "gpu") throw new TrainyardError("SETUP", `--device gpu: ${lack}`);
  return {
    device: cpu,
    sentence: `${lack}: computing on the CPU`,
    isNews: installed.gpu || isDriverInKernel,
  };
}

function gpuChoice(answer: GpuAnswer | null): DeviceChoice {
  const devices = answer?.tag === "answered" ? answer.driver.devices : [];
  const [gpu = "NVIDIA GPU", ...others] = devices;
  const more =
    others.length === 0 ? "" : `, the first of ${devices.length} (CUDA_VISIBLE_DEVICES names another)`;
  return { device: { build: "gpu", gpu }, sentence: `computing on ${gpu}${more}`, isNews: true };
}

/** Why no GPU can be used, in a clause; null where one can. */
function lackOfGpu({ answer, isDriverInKernel }: DeviceFindings): string | null {
  const isHere = isDriverInKernel ? "an NVIDIA driver is here" : "no NVIDIA driver is here";
  if (answer === null) return `no GPU TensorFlow is installed (npx trainyard setup --gpu), ${isHere}`;
  if (answer.tag === "failed")
    return `GPU TensorFlow is installed, but asking for a GPU failed (${answer.reason})`;
  const { driver, isUsable, reason } = answer;
  if (isUsable) return null;
  return `GPU TensorFlow is installed, ${lackOfDriver(driver, isDriverInKernel) ?? `but can't use ${driver.devices[0]} (${reason})`}`;
}

/** CUDA 12, as the driver counts: 1000 a version. */
const cudaOfTensorFlow = 12_000;

function lackOfDriver(
  { library, error, version, devices }: DriverAnswer,
  isInKernel: boolean,
): string | null {
  if (!library) {
    const why = isInKernel ? " here, though Linux has the driver: a container takes NVIDIA's runtime" : "";
    return `no NVIDIA driver answers (libcuda.so.1 is missing${why})`;
  }
  if (error !== "") return `the NVIDIA driver gives no GPU (${error})`;
  if (devices.length === 0) return "the NVIDIA driver knows no GPU";
  if (version >= cudaOfTensorFlow) return null;
  const runs = `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
  return `the NVIDIA driver runs CUDA ${runs}, and CUDA 12 is needed (driver 525 or newer)`;
}
