/** A vitest reporter that ends a run with the ten slowest test files and their seconds, hooks and imports included. */
import { relative } from "node:path";

const shown = 10;

/** @typedef {import("vitest/node").TestModule} TestModule */
/** @typedef {import("vitest/node").Reporter} Reporter */

/** @implements {Reporter} */
export default class SlowestFiles {
  /** @param {readonly TestModule[]} modules */
  onTestRunEnd(modules) {
    const files = modules.map((module) => ({
      file: relative(".", module.moduleId),
      seconds: secondsOf(module),
    }));
    for (const line of slowestLines(files)) console.log(line);
  }
}

/** @param {TestModule} module */
function secondsOf(module) {
  const { collectDuration, setupDuration, duration } = module.diagnostic();
  return (collectDuration + setupDuration + duration) / 1000;
}

/**
 * The lines that list the slowest files, slowest first.
 * @param {readonly { file: string, seconds: number }[]} files
 */
export function slowestLines(files) {
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, shown);
  if (slowest.length === 0) return [];
  const head = slowest.length === 1 ? "the slowest file:" : `the ${slowest.length} slowest files:`;
  return [head, ...slowest.map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file}`)];
}
