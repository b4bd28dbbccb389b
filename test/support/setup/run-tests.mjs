/**
 * `npm test`, `npm run test:quick`, `npm run test:full`, and `npm run test:all` for the first and the last of them: get
 * the parts that only tests need, run the checks of the clone and the tests, and end with the ten slowest files and
 * the plain line "N passed, N failed", in which each check counts as one.
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

/** Files that are larger at the full scale. Where both scales are run, they are run at the full one only. */
const scaledFiles = ["test/sim/seeds", "test/unit/worker-leaks", "test/parity/export"];

/**
 * Long suites, which only the full scale has. Real processes are killed, frozen, cut off and taken over here; at the
 * normal scale the simulator plays the same faults with the same code, and e2e/resume kills real ones. The others try
 * what changes seldom: what set-up installs, what the package holds, what a hostile peer may send.
 */
const longFiles = [
  "test/fuzz",
  ...["cluster-faults", "faults-network", "faults-store", "faults-worker", "suspects", "takeover"],
  ...["drill", "plan", "standing.", "minio-training", "local-steps", "image-cache"],
  ...["bootstrap", "gpu-library", "packed"],
].map((name) => (name.includes("/") ? name : `test/e2e/${name}`));

const excluding = (/** @type {readonly string[]} */ beginnings) =>
  beginnings.flatMap((beginning) => ["--exclude", `${beginning}**`, "--exclude", `${beginning}/**`]);

/** What vitest runs at each scale. @type {Readonly<Record<Scale, readonly string[]>>} */
const selections = {
  quick: ["--project", "unit", "--project", "alone"],
  normal: excluding(longFiles),
  full: [...scaledFiles, ...longFiles],
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
  const isAlone = scale !== "normal" || !scales.includes("full");
  return isAlone ? selections[scale] : [...selections.normal, ...excluding(scaledFiles)];
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
