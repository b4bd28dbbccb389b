/**
 * Validation accuracy of the classic net on real photographs beside Keras: mean of the last five epochs, per seed, and
 * the median over the seeds. `faces` 25 epochs, `signs` 20 epochs without flip; everything else by default.
 * With --also FLAGS, as often as you like, the same with these flags of `train`: what an option costs.
 *   npm run bench -- accuracy [--seeds 3] [--only faces] [--epochs 12] [--peers] [--also "--local-steps 4"]
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { finishedCurve } from "../support/finished-curve.js";
import { kerasPython } from "../support/parts.js";
import { importPhotographs, photographs, scratch, succeed } from "../support/program.js";
import { machine, median } from "./frame/figures.js";
import { flag, flagValues, hasFlag, numberFlag } from "./frame/flags.js";

interface Task {
  readonly set: "faces" | "signs";
  readonly epochs: number;
  readonly flags: readonly string[];
}

const tasks: readonly Task[] = [
  { set: "faces", epochs: 25, flags: [] },
  { set: "signs", epochs: 20, flags: ["--no-horizontal-flip"] },
];

interface Outcome {
  /** Mean of the last five epochs' validation accuracy. */
  readonly lastFive: number;
  /** Median over epochs, first one left out (it reads and decodes). */
  readonly imagesPerSecond: number;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function ours(task: Task, seed: number, cwd: string, also: string): Promise<Outcome> {
  const run = [task.set, seed, ...also.split(/[^\w.]+/)].filter((part) => part !== "").join("-");
  const words = [
    "train",
    task.set,
    "--run",
    run,
    "--epochs",
    String(task.epochs),
    "--seed",
    String(seed),
    "--json",
  ];
  const more = also.split(" ").filter((word) => word !== "");
  await succeed([...words, ...task.flags, ...more], { cwd });
  const curve = await finishedCurve(run, { store: `file:${cwd}/.trainyard` });
  return {
    lastFive: mean(curve.epochs.slice(-5).map((row) => row.validationAccuracy ?? Number.NaN)),
    imagesPerSecond: median(curve.epochs.slice(1).map((row) => row.imagesPerSecond ?? 0)),
  };
}

function keras(task: Task, seed: number): Outcome {
  const script = resolve("test/bench/keras_classic.py");
  const flip = task.flags.includes("--no-horizontal-flip") ? "0" : "1";
  const { stdout, status, stderr } = spawnSync(
    kerasPython(),
    [script, photographs(task.set), String(task.epochs), String(seed), flip],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Outcome;
}

const seeds = numberFlag("seeds", 3);
const only = flag("only", "");
const isWithPeers = hasFlag("peers");
/** "" = as it is. */
const variants = ["", ...flagValues("also")];
const place = scratch();
console.log(`${machine()}, TensorFlow 2.21, 2 workers of 1 thread`);
try {
  for (const usual of tasks.filter(({ set }) => only === "" || set === only)) {
    const task = { ...usual, epochs: numberFlag("epochs", usual.epochs) };
    await importPhotographs(task.set, { cwd: place.folder });
    const rows = new Map<string, Outcome[]>();
    const add = (who: string, outcome: Outcome) => rows.set(who, [...(rows.get(who) ?? []), outcome]);
    for (let seed = 1; seed <= seeds; seed += 1) {
      for (const also of variants)
        add(`trainyard ${also}`.trim(), await ours(task, seed, place.folder, also));
      if (isWithPeers) add("keras", keras(task, seed));
    }
    for (const [who, outcomes] of rows) {
      const each = outcomes.map(({ lastFive }) => lastFive.toFixed(3)).join(", ");
      const speed = median(outcomes.map(({ imagesPerSecond }) => imagesPerSecond));
      console.log(
        `${task.set}, ${task.epochs} epochs, ${who}: ${each}; median ${median(outcomes.map((o) => o.lastFive)).toFixed(3)}, ${speed.toFixed(0)} images/s`,
      );
    }
  }
} finally {
  place.remove();
}
