/**
 * Looks for a GPU that TensorFlow can use, before any TensorFlow is loaded here: the files of NVIDIA's driver, then
 * the driver and TensorFlow themselves in a process of their own, which takes some seconds where there is a GPU.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  chooseDevice,
  type DeviceChoice,
  type DeviceFindings,
  type DeviceRequest,
  type GpuAnswer,
  installedBuilds,
} from "./compute-device.js";
import { bindingFolder, cudaFolder } from "./setup/cache-paths.mjs";
import type { GpuProbe } from "./setup/gpu-probe.mjs";
import { platformName } from "./setup/platform.mjs";

/** Errors: SETUP in one sentence for `gpu` where TensorFlow can use none. */
export async function findDevice(wish: DeviceRequest): Promise<DeviceChoice> {
  return chooseDevice(wish, await deviceFindings(wish));
}

/** Nobody is asked for `cpu`. */
async function deviceFindings(wish: DeviceRequest): Promise<DeviceFindings> {
  const installed = installedBuilds();
  const isDriverInKernel = ["/proc/driver/nvidia/version", "/dev/nvidiactl"].some((file) => existsSync(file));
  return { installed, isDriverInKernel, answer: installed.gpu && wish !== "cpu" ? await askForGpu() : null };
}

/** A driver answers within seconds; one that hangs must not hold its worker for ever. */
const longestAnswerMs = 120_000;

function askForGpu(): Promise<GpuAnswer> {
  const program = fileURLToPath(new URL("./setup/gpu-probe.mjs", import.meta.url));
  const folder = bindingFolder(platformName(), "gpu");
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "1", TF_FORCE_GPU_ALLOW_GROWTH: "true" };
  const options = { env, timeout: longestAnswerMs, killSignal: "SIGKILL" } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [program, folder], options, (error, stdout, stderr) => {
      if (error?.killed)
        return resolve({ tag: "failed", reason: `no answer for ${longestAnswerMs / 1000} s` });
      if (error?.signal) return resolve({ tag: "failed", reason: `asking ended with ${error.signal}` });
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve(readProbe(code, `${stderr}\n${stdout}`, existsSync(cudaFolder(platformName()))));
    });
  });
}

/**
 * What the probe's process wrote, with TensorFlow's own lines among it. `isCudaInstalled`: TensorFlow's CUDA libraries lie
 * beside it; where they don't, it says no more than that it found no driver.
 */
export function readProbe(code: number, output: string, isCudaInstalled: boolean): GpuAnswer {
  const lines = output.split("\n").filter((line) => line !== "");
  const answer = lines.find((line) => line.startsWith('{"driver":'));
  if (code !== 0 || answer === undefined) {
    return { tag: "failed", reason: saidByTensorFlow(lines) ?? lines.at(-1) ?? `exit code ${code}` };
  }
  const { driver, isUsable } = JSON.parse(answer) as GpuProbe;
  const reason = isCudaInstalled
    ? (saidByTensorFlow(lines) ?? "it does not say why")
    : "its CUDA libraries are not installed, and this machine's own not found: npx trainyard setup --gpu";
  return { tag: "answered", driver, isUsable, reason };
}

/** Its last line, which tells what decided, without time and place. */
function saidByTensorFlow(lines: readonly string[]): string | undefined {
  const said = lines.map((line) => /\.cc:\d+\] (.+?)\.?$/.exec(line)?.[1]);
  return said.findLast((text) => text !== undefined);
}
