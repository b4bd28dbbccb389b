/**
 * The part of a worker's fingerprint that describes the machine: the processor with its instruction sets, and Node's
 * major version. Machines with equal fingerprints compute equal bits. Does not load TensorFlow.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** Node's major version. */
export const nodeMajor = () => Number(process.versions.node.split(".")[0]);

/** The processor's model, with a hash of its instruction sets. */
export function processorDescription(): string {
  return `${cpus()[0]?.model ?? process.arch} (${hashOfProcessorFlags()})`;
}

/** A hash of the processor's flags, by which TensorFlow and oneDNN choose kernels. Without /proc/cpuinfo the architecture. */
function hashOfProcessorFlags(): string {
  const file = "/proc/cpuinfo";
  if (!existsSync(file)) return process.arch;
  const flags = readFileSync(file, "utf8").match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1] ?? process.arch;
  return createHash("sha256").update(flags.trim().split(/\s+/).sort().join(" ")).digest("hex").slice(0, 12);
}
