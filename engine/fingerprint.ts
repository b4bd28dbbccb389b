/**
 * What must be equal for two workers to compute equal bits: TensorFlow's build, the processor with its
 * instruction sets, threads, oneDNN, and Node's major version. Loads no TensorFlow: a worker says most of it
 * before it has one.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { EngineFingerprint } from "./engine.js";
import type { NativeOptions, TensorFlow } from "./native/load.js";
import { nodeBackend } from "./recording/backend.js";

export function engineFingerprint(tf: TensorFlow, options: NativeOptions): EngineFingerprint {
  const { binding } = nodeBackend(tf);
  const device = binding.isUsingGpuDevice() ? "gpu" : "cpu";
  return {
    tensorflow: `${binding.TF_Version} ${device}`,
    device: processorDescription(),
    intraOpThreads: options.intraOpThreads,
    oneDnn: options.oneDnn,
    nodeMajor: nodeMajor(),
  };
}

export const nodeMajor = () => Number(process.versions.node.split(".")[0]);

/** The processor's model and a hash of its instruction sets. */
export function processorDescription(): string {
  return `${cpus()[0]?.model ?? process.arch} (${hashOfProcessorFlags()})`;
}

/** TensorFlow and oneDNN choose kernels by these flags. Where Linux does not tell them, the model must do. */
function hashOfProcessorFlags(): string {
  const file = "/proc/cpuinfo";
  if (!existsSync(file)) return process.arch;
  const flags = readFileSync(file, "utf8").match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1] ?? process.arch;
  return createHash("sha256").update(flags.trim().split(/\s+/).sort().join(" ")).digest("hex").slice(0, 12);
}
