/**
 * What must be equal for two workers to compute equal bits, known before TensorFlow is loaded. Threads and oneDNN
 * are in the spec, so they are equal by construction.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { tensorFlowVersion } from "../engine/native/setup/platform.mjs";
import type { WireFingerprint } from "../shared/grpc/control-messages.js";

export function workerFingerprint(): WireFingerprint {
  return {
    tensorflow: `${tensorFlowVersion} cpu`,
    device: `${cpus()[0]?.model ?? process.arch} (${hashOfCpuFlags()})`,
    nodeMajor: Number(process.versions.node.split(".")[0]),
  };
}

/** TensorFlow and oneDNN choose their kernels by these flags. Where Linux does not tell them, the model must do. */
function hashOfCpuFlags(): string {
  const file = "/proc/cpuinfo";
  if (!existsSync(file)) return process.arch;
  const flags = readFileSync(file, "utf8").match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1] ?? process.arch;
  return createHash("sha256").update(flags.trim().split(/\s+/).sort().join(" ")).digest("hex").slice(0, 12);
}
