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
import { bindingFolder } from "./setup/locate.mjs";
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
  const env = { TF_CPP_MIN_LOG_LEVEL: "1", TF_FORCE_GPU_ALLOW_GROWTH: "true" };
  const { code, output } = await run(process.execPath, [program, bindingFolder(platformName(), "gpu")], {
    env,
  });
  return readProbe(code, output);
}

/** What the probe's process wrote, TensorFlow's own lines among it. */
export function readProbe(code: number, output: string): GpuAnswer {
  const lines = output.split("\n").filter((line) => line !== "");
  const written = lines.find((line) => line.startsWith('{"driver":'));
  const reason = reasonIn(lines.filter((line) => line !== written));
  if (code !== 0 || written === undefined) return { tag: "failed", reason: reason ?? `exit code ${code}` };
  const { driver, isUsable } = JSON.parse(written) as GpuProbe;
  return { tag: "answered", driver, isUsable, reason: reason ?? "it does not say why" };
}

/** The last of TensorFlow's lines without time and place; they end in what decided. */
function reasonIn(lines: readonly string[]): string | null {
  const last = lines.at(-1);
  return last === undefined
    ? null
    : last
        .replace(/^.*?\.cc:\d+\] /, "")
        .trim()
        .replace(/\.$/, "");
}
