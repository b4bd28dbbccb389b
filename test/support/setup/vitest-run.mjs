/** Runs vitest at a scale and counts its tests. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @typedef {{ passed: number, failed: number }} Count */

/**
 * @param {string} root of the clone
 * @param {string} scale what `test/support/scale.ts` reads
 * @param {readonly string[]} selection projects (`--project NAME`) or files; empty: all
 * @returns {Promise<Count>}
 */
export async function runVitest(root, scale, selection) {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-tests-"));
  const report = join(folder, "report.json");
  try {
    const reporters = [
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
      "--reporter=./test/support/setup/slowest-files.mjs",
    ];
    const args = ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...selection];
    const code = await show(root, args, { ...process.env, TEST_SCALE: scale });
    return countTests(existsSync(report) ? readFileSync(report, "utf8") : undefined, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Passed and failed tests of vitest's JSON report. A file that does not load, an error outside every test, or no
 * report at all is a failure although no test of it failed.
 * @param {string | undefined} report
 * @param {number} exitCode vitest's
 * @returns {Count}
 */
export function countTests(report, exitCode) {
  /** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: unknown[] }[] }} */
  const read =
    report === undefined ? { numPassedTests: 0, numFailedTests: 0, testResults: [] } : JSON.parse(report);
  const unloaded = read.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  ).length;
  const failed = read.numFailedTests + unloaded;
  return { passed: read.numPassedTests, failed: exitCode !== 0 ? Math.max(1, failed) : failed };
}

/**
 * Runs a Node program to its end with its output on ours.
 * @param {string} root
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
function show(root, args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
    child.once("close", (code) => resolve(code ?? 1));
  });
}
