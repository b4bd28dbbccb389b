/**
 * The device that an engine computes on: the choice between CPU and GPU, and the sentence that tells the user what was
 * found and why a GPU is not used. It decides by what find-device.ts has found, and loads nothing.
 */
import { TrainyardError } from "../../shared/errors.js";
import { isInstalled } from "./setup/cache-paths.mjs";
import type { DriverAnswer } from "./setup/gpu-probe.mjs";
import { type Build, platformName } from "./setup/platform.mjs";

/** What a user can ask for with `--device`. */
export const deviceRequests = ["auto", "cpu", "gpu"] as const;
export type DeviceRequest = (typeof deviceRequests)[number];

/** The device that an engine computes on. */
export interface ComputeDevice {
  /** The build of the TensorFlow library that is loaded. The build for GPUs computes on the CPU too. */
  readonly build: Build;
  /** The GPU's model, such as "NVIDIA H200"; null when the CPU computes. */
  readonly gpu: string | null;
}

/** The CPU with the build for CPUs, whatever is installed on the machine. */
export const plainCpu: ComputeDevice = { build: "cpu", gpu: null };

/** The chosen device, and why. */
export interface DeviceChoice {
  readonly device: ComputeDevice;
  /** One line for the log that explains the choice. */
  readonly sentence: string;
  /** Whether the sentence is worth logging. False on a machine without any sign of a GPU. */
  readonly isNews: boolean;
}

/** What the driver and TensorFlow answered about a GPU, or `failed` when the process that asked them gave no answer. */
export type GpuAnswer =
  | {
      readonly tag: "answered";
      readonly driver: DriverAnswer;
      /** Whether TensorFlow can use a GPU. */
      readonly isUsable: boolean;
      /** TensorFlow's own words when it can't. */
      readonly reason: string;
    }
  | { readonly tag: "failed"; readonly reason: string };

/** What was found on a machine. */
export interface DeviceFindings {
  /** For each build of TensorFlow, whether its library and binding are in the cache. */
  readonly installed: Readonly<Record<Build, boolean>>;
  /** Whether Linux has NVIDIA's driver or one of its devices. */
  readonly isDriverInKernel: boolean;
  /** The answer about a GPU; null when it was not asked for, for instance because the build for GPUs is not installed. */
  readonly answer: GpuAnswer | null;
}

/** The CPU, with the build for CPUs if that is installed. */
export function cpuDevice(installed = installedBuilds()): ComputeDevice {
  return { build: installed.gpu && !installed.cpu ? "gpu" : "cpu", gpu: null };
}

/** For each build of TensorFlow, whether it is installed. */
export function installedBuilds(): Record<Build, boolean> {
  const name = platformName();
  return { cpu: isInstalled(name, "cpu"), gpu: isInstalled(name, "gpu") };
}

/**
 * Chooses a device. `auto` takes a GPU that TensorFlow can use, else the CPU. Errors: SETUP for `gpu` when there is no
 * usable GPU.
 */
export function chooseDevice(request: DeviceRequest, findings: DeviceFindings): DeviceChoice {
  const { installed, isDriverInKernel } = findings;
  const cpu = cpuDevice(installed);
  if (request === "cpu") return { device: cpu, sentence: "computing on the CPU, as asked", isNews: false };
  const lack = lackOfGpu(findings);
  if (lack === null) return gpuChoice(findings.answer);
  if (request === "gpu") throw new TrainyardError("SETUP", `--device gpu: ${lack}`);
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

/** Why no GPU can be used, in a clause; null when one can. */
function lackOfGpu({ answer, isDriverInKernel }: DeviceFindings): string | null {
  const isHere = isDriverInKernel ? "an NVIDIA driver is here" : "no NVIDIA driver is here";
  if (answer === null) return `no GPU TensorFlow is installed (npx trainyard setup --gpu), ${isHere}`;
  if (answer.tag === "failed")
    return `GPU TensorFlow is installed, but asking for a GPU failed (${answer.reason})`;
  const { driver, isUsable, reason } = answer;
  if (isUsable) return null;
  return `GPU TensorFlow is installed, ${lackOfDriver(driver, isDriverInKernel) ?? `but can't use ${driver.devices[0]} (${reason})`}`;
}

/** The CUDA version that TensorFlow needs, in the driver's numbering: 12000 is CUDA 12. */
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
