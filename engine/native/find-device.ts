/**
 * Looks for a GPU that TensorFlow can use, before this process loads TensorFlow. First it looks for the files of NVIDIA's
 * driver; then it asks the driver and TensorFlow in a separate process, which takes some seconds if there is a GPU.
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

/** Finds the device to compute on. Errors: SETUP for the request `gpu` when TensorFlow can use no GPU. */
export async function findDevice(request: DeviceRequest): Promise<DeviceChoice> {
  return chooseDevice(request, await deviceFindings(request));
}

/** What is found on this machine. For the request `cpu` neither driver nor TensorFlow is asked. */
async function deviceFindings(request: DeviceRequest): Promise<DeviceFindings> {
  const installed = installedBuilds();
  const isDriverInKernel = ["/proc/driver/nvidia/version", "/dev/nvidiactl"].some((file) => existsSync(file));
  return {
    installed,
    isDriverInKernel,
    answer: installed.gpu && request !== "cpu" ? await askForGpu() : null,
  };
}

/** Longest wait for the process that asks. A driver answers within seconds; one that hangs must not stop its worker. */
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
 * Reads what the probe process wrote: its answer, and TensorFlow's own log lines.
 * @param isCudaInstalled whether the CUDA libraries lie beside TensorFlow. Without them TensorFlow only says that it found
 * no driver, so the reason that is returned is ours.
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

/** TensorFlow's last log line, which contains the reason, without time and source file. */
function saidByTensorFlow(lines: readonly string[]): string | undefined {
  const said = lines.map((line) => /\.cc:\d+\] (.+?)\.?$/.exec(line)?.[1]);
  return said.findLast((text) => text !== undefined);
}
