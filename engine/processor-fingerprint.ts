/**
 * The part of a worker's fingerprint that describes the machine: the processor with its instruction sets, and Node's
 * major version. Machines with equal fingerprints compute equal bits. Does not load TensorFlow.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { startVariables } from "./native/deciding-variables.js";

/** Node's major version. */
export const nodeMajor = () => Number(process.versions.node.split(".")[0]);

/** The processor's model, with a hash of its instruction sets. */
export function processorDescription(): string {
  return `${cpus()[0]?.model ?? process.arch} (${hashOfProcessorFlags()})`;
}

/** Most characters of a variable in a description. */
const shownCharacters = 60;

/** ", with NAME=value" for the variables that changed the process's arithmetic when it started; empty without any. */
export function startDescription(environment: NodeJS.ProcessEnv): string {
  const variables = startVariables(environment);
  if (variables.length === 0) return "";
  const shown = variables.join(" ").replaceAll(/[^\x20-\x7e]/g, "?");
  if (shown.length <= shownCharacters) return `, with ${shown}`;
  const hash = createHash("sha256").update(variables.join("\0")).digest("hex").slice(0, 12);
  return `, with ${shown.slice(0, shownCharacters)}… (${hash})`;
}

/** A hash of the processor's flags, by which TensorFlow and oneDNN choose kernels. Without /proc/cpuinfo the architecture. */
function hashOfProcessorFlags(): string {
  const file = "/proc/cpuinfo";
  if (!existsSync(file)) return process.arch;
  const flags = readFileSync(file, "utf8").match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1] ?? process.arch;
  return createHash("sha256").update(flags.trim().split(/\s+/).sort().join(" ")).digest("hex").slice(0, 12);
}
