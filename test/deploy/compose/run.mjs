#!/usr/bin/env node
/**
 * `npm run test:compose [--keep]`: builds the images, starts compose.yaml under a name of its own, trains the digits by its
 * profile `seed`, looks for curves in Prometheus and for the model in the bucket, then disturbs small runs in every way that
 * the runbook knows and compares their weights with the unbroken run's. Ends with "N passed, N failed". Takes about a
 * quarter of an hour; not part of `npm test`. --keep leaves everything running.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needEngine } from "./engine.mjs";
import { Project, until } from "./project.mjs";
import { scenarios, workerProcessors } from "./scenarios.mjs";
import { writeSmallDigits } from "./small-digits.mjs";

/** @typedef {{ weightsSha256: string, exported: { paths: string[] }, samples: Record<string, number> }} Result of result.json */

const keep = process.argv.includes("--keep");
const project = new Project("trainyard-test", {
  WORKERS: "2",
  WORKER_CPUS: workerProcessors,
  SEED_EPOCHS: "1",
});
const flags = "--model digits --lanes 4 --batch-size 64 --epochs 6 --seed 7 --checkpoint-steps 20".split(" ");
/** For a run, on a busy machine. */
const runSeconds = 900;

/** Phases of a run that has ended. */
const ends = ["finished", "failed", "stopped"];

/** @type {{ name: string, isGood: boolean, seconds: number, said: string }[]} */
const rows = [];

/**
 * @param {string} name
 * @param {() => Promise<string>} check tells what it saw
 */
async function row(name, check) {
  const started = performance.now();
  const end = await check().then(
    (said) => ({ isGood: true, said }),
    (error) => ({ isGood: false, said: error instanceof Error ? error.message : String(error) }),
  );
  const seconds = (performance.now() - started) / 1000;
  rows.push({ name, seconds, ...end });
  console.log(
    `${end.isGood ? "ok    " : "FAILED"} ${name.padEnd(36)} ${seconds.toFixed(0).padStart(4)} s  ${end.said}`,
  );
  return end.isGood;
}

/** One after the other, so that they share the packages and fit a small machine. */
async function build() {
  for (const service of ["coordinator", "worker", "cli", "seed"])
    await project.compose("--profile", "tools", "--profile", "seed", "build", service);
  return "coordinator, worker-cpu, cli, seed";
}

async function trainDigits() {
  const up = ["--profile", "seed", "up", "--detach", "--wait", "--wait-timeout", "1200"];
  await project.compose(...up).catch(async (error) => {
    const said = await project.compose("--profile", "seed", "logs", "--tail", "6", "seed", "coordinator");
    throw new Error(`${error.message}\n${said}`);
  });
  return "docker compose --profile seed up --wait";
}

async function findCurves() {
  const select = '{run="digits-1"}';
  const accuracy = await until("validation accuracy in Prometheus", 30, async () => {
    const values = await project.query(
      `max_over_time(trainyard_accuracy_ratio{run="digits-1",split="validation"}[1h])`,
    );
    return values.length > 0 ? Math.max(...values) : null;
  });
  const [steps = 0] = await project.query(`max(max_over_time(trainyard_step${select}[1h]))`);
  const [points = 0] = await project.query(`sum(count_over_time(trainyard_loss${select}[1h]))`);
  const [workers = 0] = await project.query("count(max_over_time(up{job='trainyard-worker'}[1h]) == 1)");
  if (accuracy < 0.9 || points < 5 || workers < 2)
    throw new Error(`accuracy ${accuracy}, ${points} points, ${workers} workers`);
  return `${points} points of the loss, ${steps} steps, ${workers} workers, validation accuracy ${accuracy.toFixed(4)}`;
}

async function findModel() {
  const { exported } = await resultOf("digits-1");
  const files = exported.paths.filter((path) => path.endsWith("model.h5"));
  if (files.length === 0) throw new Error(`no model among ${exported.paths.join(", ")}`);
  for (const file of files)
    await project.compose("exec", "-T", "minio", "ls", "-d", `/data/trainyard/runs/digits-1/${file}`);
  const evaluated = JSON.parse(await project.cli("evaluate", "digits-1", "--json"));
  return `${files.join(", ")}; evaluated from there: accuracy ${evaluated.accuracy}`;
}

/**
 * @param {string} run
 * @returns {Promise<Result>}
 */
async function resultOf(run) {
  return until(`the result of ${run}`, runSeconds, async () => {
    return JSON.parse(await project.cli("runs", "follow", run, "--json"));
  });
}

/** @type {Result | undefined} */
let unbroken;

async function trainUnbroken() {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-compose-"));
  try {
    writeSmallDigits(folder, { train: 2000, test: 500 });
    const mount = `${folder}:/digits:ro`;
    await project.compose(
      "run",
      "--rm",
      "-T",
      "--no-deps",
      "--volume",
      mount,
      "cli",
      "import",
      "/digits",
      "--name",
      "small",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await project.cli("submit", "small", "--run", "unbroken", ...flags);
  unbroken = await resultOf("unbroken");
  return `weights ${unbroken.weightsSha256.slice(0, 12)}`;
}

/** @param {import("./scenarios.mjs").Scenario} scenario */
async function trainDisturbed({ run, fromStep, disturb }) {
  await project.cli("submit", "small", "--run", run, ...flags);
  const at = await until(`step ${fromStep} of ${run}`, runSeconds, async () => {
    const status = await project.status();
    const isDue = status.step >= fromStep || ends.includes(status.phase);
    return status.run === run && isDue ? status : null;
  });
  if (ends.includes(at.phase)) throw new Error(`${at.phase} before that: ${at.message}`);
  const saw = await disturb(project);
  const { weightsSha256, samples } = await resultOf(run);
  if (weightsSha256 !== unbroken?.weightsSha256)
    throw new Error(`other weights: ${weightsSha256}, not ${unbroken?.weightsSha256}`);
  return `in step ${at.step}; ${saw}; ${samples["redone"]} samples redone; weights equal`;
}

try {
  needEngine(console.log);
  await project.remove();
  const stands = (await row("images build", build)) && (await row("the digits, from nothing", trainDigits));
  if (stands) {
    await row("curves in Prometheus", findCurves);
    await row("model in the bucket", findModel);
    if (await row("unbroken run", trainUnbroken))
      for (const scenario of scenarios) await row(scenario.what, () => trainDisturbed(scenario));
  }
} finally {
  if (!keep) await project.remove().catch((error) => console.error(error.message));
}
const failed = rows.filter(({ isGood }) => !isGood).length;
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
