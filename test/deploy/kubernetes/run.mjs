#!/usr/bin/env node
/**
 * `npm run test:kubernetes [-- --keep --built WORD…]`: builds the program, starts the lab's Kubernetes, applies every overlay
 * and lets the real controllers deal with what happens to workers, machines and the coordinator. Ends with "N passed, N
 * failed". About ten minutes, and as long once more the first time; not part of `npm test`. --keep leaves the cluster
 * running, --built takes the program as it is built, words choose the checks whose names hold one of them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installKubernetesTools } from "../../support/setup/kubernetes.mjs";
import { apply, list, run, startCluster, stopCluster } from "./cluster.mjs";
import * as drains from "./drains.mjs";
import * as jobs from "./jobs.mjs";
import { emptyNamespace, equipNodes } from "./nodes.mjs";
import * as overlays from "./overlays.mjs";
import { built, running } from "./parts.mjs";

/** @typedef {[name: string, check: () => Promise<string>]} Check it tells what it saw */

async function makeSecrets() {
  await emptyNamespace();
  const folder = mkdtempSync(join(tmpdir(), "trainyard-secrets-"));
  try {
    // Twice: what is there is kept, and certificates are renewed.
    for (let time = 0; time < 2; time += 1) {
      const ended = await run("deploy/kubernetes/make-secrets.sh", [folder]);
      if (ended.code !== 0) throw new Error(ended.stderr);
    }
    return (await list("secrets")).map(({ metadata }) => metadata.name).join(", ");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For the Jobs: a coordinator and no pool. */
async function standAlone() {
  await emptyNamespace();
  await apply(built("base"));
  const [pod] = await running("app.kubernetes.io/component=coordinator", 1);
  return pod.metadata.name;
}

/** @type {Check[]} */
const checks = [
  ["custom resources", overlays.installCustomResources],
  ["make-secrets.sh", makeSecrets],
  ...overlays.folders.map((folder) => /** @type {Check} */ ([folder, () => overlays.applyOverlay(folder)])),
  ["an unknown field", overlays.refuseUnknownField],
  ["a pod with rights", overlays.refusePodWithRights],
  ["kube-job: odd names, all kinds", overlays.applyJobs],
  ["a coordinator for the Jobs", standAlone],
  ["exit code 2: wrong configuration", jobs.wrongConfiguration],
  ["exit code 3: interrupted", jobs.interrupted],
  ["exit code 1: a crash", jobs.crashed],
  ["exit code 0: the run has finished", jobs.finished],
  ["an eviction", jobs.evicted],
  ["a lost machine", jobs.lostMachine],
  ["workers of a Job, up and down", jobs.scaled],
  ["a drain and a Job's last worker", drains.drainJob],
  ["a drain and the pool's budget", drains.drainPool],
  ["a drain and the coordinator", drains.drainCoordinator],
  ["the coordinator's pod deleted", drains.replaceCoordinator],
  ["workers of the pool, up and down", drains.scalePool],
  ["the disk of overlays/single", drains.bindDisk],
];

const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const chosen = checks.filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
const isKept = process.argv.includes("--keep");

if (!existsSync("node_modules/yaml")) throw new Error("run npm run setup first");
if (!process.argv.includes("--built")) {
  const program = spawnSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
  if (program.status !== 0) process.exit(1);
}
await installKubernetesTools((line) => console.log(line));

let [passed, failed] = [0, 0];
await startCluster();
try {
  for (const [name, check] of chosen) {
    const started = performance.now();
    await equipNodes(); // also after a check that failed with nodes cordoned or gone
    const end = await check().then(
      (said) => ({ isGood: true, said }),
      (error) => ({ isGood: false, said: error instanceof Error ? error.message : String(error) }),
    );
    if (end.isGood) passed += 1;
    else failed += 1;
    const seconds = ((performance.now() - started) / 1000).toFixed(0).padStart(4);
    console.log(`${end.isGood ? "ok    " : "FAILED"} ${name.padEnd(34)} ${seconds} s  ${end.said}`);
  }
} finally {
  if (!isKept) await stopCluster();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
