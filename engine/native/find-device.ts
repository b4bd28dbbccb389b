/**
 * Looks for a GPU that TensorFlow can use, before any TensorFlow is loaded here: the files of NVIDIA's driver, then
 * the driver and TensorFlow themselves in a process of their own, which takes some seconds where there is a GPU.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  chooseDevice,
  type DeviceChoice,
  type DeviceFindings,
  type DeviceWish,
  type GpuAnswer,
  laidBuilds,
} from "./device.js";
import type { GpuProbe } from "./setup/gpu-probe.mjs";
import { bindingFolder, cudaFolder } from "./setup/locate.mjs";
import { platformName } from "./setup/platform.mjs";
import { run } from "./setup/programs.mjs";

/** Errors: SETUP in one sentence for `gpu` where TensorFlow can use none. */
export async function findDevice(wish: DeviceWish): Promise<DeviceChoice> {
  return chooseDevice(wish, await deviceFindings(wish));
}

/** Nobody is asked for `cpu`. */
async function deviceFindings(wish: DeviceWish): Promise<DeviceFindings> {
  const laid = laidBuilds();
  const isDriverInKernel = ["/proc/driver/nvidia/version", "/dev/nvidiactl"].some((file) => existsSync(file));
  return { laid, isDriverInKernel, answer: laid.gpu && wish !== "cpu" ? await askForGpu() : null };
}

async function askForGpu(): Promise<GpuAnswer> {
  const program = fileURLToPath(new URL("./setup/gpu-probe.mjs", import.meta.url));
  const folder = bindingFolder(platformName(), "gpu");
  const env = { TF_CPP_MIN_LOG_LEVEL: "1", TF_FORCE_GPU_ALLOW_GROWTH: "true" };
  const { code, output } = await run(process.execPath, [program, folder], { env });
  return readProbe(code, output, existsSync(cudaFolder(platformName())));
}

/**
 * What the probe's process wrote, with TensorFlow's own lines among it. `isCudaLaid`: TensorFlow's CUDA libraries lie
 * beside it; where they don't, it says no more than that it found no driver.
 */
export function readProbe(code: number, output: string, isCudaLaid: boolean): GpuAnswer {
  const lines = output.split("\n").filter((line) => line !== "");
  const answer = lines.find((line) => line.startsWith('{"driver":'));
  if (code !== 0 || answer === undefined) {
    return { tag: "failed", reason: saidByTensorFlow(lines) ?? lines.at(-1) ?? `exit code ${code}` };
  }
  const { driver, isUsable } = JSON.parse(answer) as GpuProbe;
  const reason = isCudaLaid
    ? (saidByTensorFlow(lines) ?? "it does not say why")
    : "its CUDA libraries are not laid, and this machine's own not found: npx trainyard setup --gpu";
  return { tag: "answered", driver, isUsable, reason };
}

/** Its last line, which tells what decided, without time and place. */
function saidByTensorFlow(lines: readonly string[]): string | undefined {
  const said = lines.map((line) => /\.cc:\d+\] (.+?)\.?$/.exec(line)?.[1]);
  return said.findLast((text) => text !== undefined);
}
