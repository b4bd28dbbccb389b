/**
 * What must be equal of two machines for them to compute equal bits: the processor with its instruction sets, and
 * Node's major version. Loads no TensorFlow: a worker says it before it has one.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

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
