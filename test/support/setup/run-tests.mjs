/**
 * `npm test`, `npm run test:quick` and `npm run test:full`: get the parts that only tests need, run the checks of the
 * clone and the tests, and end with the ten slowest files and the plain line "N passed, N failed", in which each
 * check counts as one.
 */
import { runChecks } from "./checks.mjs";
import { needDebianPrograms } from "./debian.mjs";
import { installKeras } from "./keras.mjs";
import { installKubernetesTools } from "./kubernetes.mjs";
import { installMinio } from "./minio.mjs";
import { runVitest } from "./vitest-run.mjs";

/**
 * @typedef {(line: string) => void} Say
 * @typedef {"quick" | "normal" | "full"} Scale
 */

/**
 * Files that are larger at the full scale. Where both scales are run, as in continuous integration, they are run at the
 * full one only: it has every test of the normal one.
 */
const fullFiles = [
  "test/fuzz",
  "test/sim/seeds",
  "test/unit/worker-leaks",
  "test/parity/export",
  "test/e2e/minio-training",
];

/** What vitest runs at each scale. @type {Readonly<Record<Scale, readonly string[]>>} */
const selections = {
  quick: ["--project", "unit", "--project", "alone"],
  normal: [],
  full: fullFiles,
};

const debianPrograms = [
  { program: "promtool", debian: "prometheus" },
  { program: "chromium", debian: "chromium" },
];

/**
 * @param {string} root of the clone
 * @param {readonly Scale[]} scales one after another; their tests are counted together
 * @param {readonly string[]} files if there are any, only these are tested, without the checks
 * @param {Say} say
 * @returns {Promise<number>} the exit code
 */
export async function runTests(root, scales, files, say) {
  await installTestParts(say);
  const total = { passed: 0, failed: 0 };
  for (const scale of scales) {
    const selection = files.length === 0 ? selectionOf(scale, scales) : files;
    const hasChecks = files.length === 0 && scale !== "full";
    const works = [runVitest(root, scale, selection), ...(hasChecks ? [runChecks(root, say)] : [])];
    for (const { passed, failed } of await Promise.all(works)) {
      total.passed += passed;
      total.failed += failed;
    }
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/**
 * @param {Scale} scale
 * @param {readonly Scale[]} scales all that are run
 * @returns {readonly string[]}
 */
export function selectionOf(scale, scales) {
  if (scale !== "normal" || !scales.includes("full")) return selections[scale];
  return fullFiles.flatMap((beginning) => ["--exclude", `${beginning}**`, "--exclude", `${beginning}/**`]);
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
