/**
 * Compares the CUDA libraries that a TensorFlow wheel requires (the lines of its METADATA for the extra "and-cuda") with
 * the pinned wheels of cuda-wheels.mjs. Pure functions.
 */
import { SetupError } from "./setup-error.mjs";

/**
 * @typedef {import("./install-wheel.mjs").Wheel} Wheel
 * @typedef {{ distribution: string, bounds: readonly string[] }} Requirement bounds: such as ">=12.5.3.2"
 */

/**
 * The requirements of the extra "and-cuda", in the order of the METADATA.
 * @param {string} metadata the text of a wheel's METADATA
 * @returns {Requirement[]}
 */
export function cudaRequirements(metadata) {
  const lines = metadata.split(/\r?\n/).filter((line) => line.startsWith("Requires-Dist:"));
  return lines.flatMap((line) => {
    const [wanted = "", condition = ""] = line.slice("Requires-Dist:".length).split(";");
    if (!/extra\s*==\s*["']and-cuda["']/.test(condition)) return [];
    const [, distribution = "", bounds = ""] = /^\s*([A-Za-z0-9._-]+)\s*\(?([^)]*)\)?\s*$/.exec(wanted) ?? [];
    return [{ distribution, bounds: bounds.split(",").map((bound) => bound.replace(/\s/g, "")) }];
  });
}

/**
 * The pinned wheels that the METADATA requires, one for each of its names. Throws a SetupError when one is missing or its
 * version is out of bounds: a library that TensorFlow does not ask for might compute other results.
 * @param {string} metadata
 * @param {readonly Wheel[]} pinned
 * @returns {Wheel[]}
 */
export function requiredCudaWheels(metadata, pinned) {
  const requirements = cudaRequirements(metadata);
  if (requirements.length === 0) throw misfit("it names no CUDA libraries");
  return requirements.map(({ distribution, bounds }) => {
    const wheel = pinned.find((candidate) => candidate.distribution === distribution);
    if (wheel === undefined) throw misfit(`it asks for ${distribution}, which is not pinned`);
    if (bounds.every((bound) => isWithin(wheel.version, bound))) return wheel;
    throw misfit(`it asks for ${distribution}${bounds.join(",")}, and ${wheel.version} is pinned`);
  });
}

/** @param {string} why */
function misfit(why) {
  return new SetupError(
    `The TensorFlow wheel and the CUDA libraries of this version of Trainyard don't belong together: ${why}. Use the CPU, and report it: npx trainyard setup`,
  );
}

/**
 * Whether a version satisfies a bound such as ">=12.5". False for an operator that is not known here.
 * @param {string} version
 * @param {string} bound
 */
function isWithin(version, bound) {
  const [, operator = "", limit = ""] = /^(>=|<=|==|!=|>|<)(\d+(?:\.\d+)*)$/.exec(bound) ?? [];
  const order = compareVersions(version, limit);
  switch (operator) {
    case ">=":
      return order >= 0;
    case "<=":
      return order <= 0;
    case "==":
      return order === 0;
    case "!=":
      return order !== 0;
    case ">":
      return order > 0;
    case "<":
      return order < 0;
    default:
      return false;
  }
}

/**
 * Compares two versions as Python compares releases: missing places count as 0.
 * @param {string} first
 * @param {string} second
 */
function compareVersions(first, second) {
  const [left, right] = [first, second].map((version) => version.split(".").map(Number));
  for (let place = 0; place < Math.max(left?.length ?? 0, right?.length ?? 0); place += 1) {
    const difference = (left?.[place] ?? 0) - (right?.[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
