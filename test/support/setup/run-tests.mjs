/**
 * `npm test`: gets the parts that only tests need, then linter, import rules, types and all tests, and ends with
 * the plain line "N passed, N failed", in which each of the three checks counts as one.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needDebianPrograms } from "./debian.mjs";
import { installKeras } from "./keras.mjs";
import { installKubernetesTools } from "./kubernetes.mjs";
import { installMinio } from "./minio.mjs";

/**
 * @typedef {{ passed: number, failed: number }} Count
 * @typedef {(line: string) => void} Say
 */

const debianPrograms = [
  { program: "promtool", debian: "prometheus" },
  { program: "chromium", debian: "chromium" },
];

/**
 * @param {string} root of the clone
 * @param {readonly string[]} files given ones: only these are tested, without the checks
 * @param {Say} say
 * @returns {Promise<number>} the exit code
 */
export async function runTests(root, files, say) {
  await installTestParts(say);
  const checks = files.length === 0 ? await runChecks(root, say) : [];
  const counts = [...checks, await runVitest(root, files)];
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/**
 * All at once: one waits for the network, one for the processor. All are awaited, so that no half of an
 * installation goes on behind a refusal.
 * @param {Say} say
 */
async function installTestParts(say) {
  const works = [installKeras(say), installGoPrograms(say), needDebianPrograms(debianPrograms, say)];
  const ends = await Promise.allSettled(works);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/**
 * One after the other: each fills all processors.
 * @param {Say} say
 */
async function installGoPrograms(say) {
  await installMinio(say);
  await installKubernetesTools(say);
}

/**
 * @param {string} root
 * @param {Say} say
 */
async function runChecks(root, say) {
  const rooms = ["shared", "dataset", "engine", "coordinator", "worker", "plan", "drill", "cli", "dashboard"];
  const checks = [
    { name: "linter", args: ["@biomejs/biome/bin/biome", "check", "."] },
    {
      name: "import rules",
      args: ["dependency-cruiser/bin/dependency-cruise.mjs", "--config", ".dependency-cruiser.cjs", ...rooms],
    },
    { name: "types", args: ["typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit"] },
  ];
  const counts = [];
  for (const { name, args } of checks) {
    const [program = "", ...rest] = args;
    const code = await show(root, [join("node_modules", program), ...rest]);
    say(`${name}: ${code === 0 ? "passed" : "failed"}`);
    counts.push(code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  return counts;
}

/**
 * @param {string} root
 * @param {readonly string[]} files
 * @returns {Promise<Count>}
 */
async function runVitest(root, files) {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-tests-"));
  const report = join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await show(root, ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...files]);
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
 * Runs a Node program to its end before our eyes.
 * @param {string} root
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
function show(root, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.once("close", (code) => resolve(code ?? 1));
  });
}
