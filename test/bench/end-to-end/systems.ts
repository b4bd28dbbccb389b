/** The systems of the end-to-end bench, each started as its users start it: processes of their own on loopback. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { finishedCurve } from "../../support/finished-curve.js";
import { type Ended, endOf, succeed } from "../../support/program.js";
import { freePort } from "../frame/free-port.js";
import type { System, Training, TrainingTask } from "./training.js";

type Report = Omit<Training, "programSeconds">;

/** `flags`: of `trainyard train`, beside those that make the task the same for all. */
export function trainyard(name: string, flags: readonly string[], cwd: string): System {
  let runs = 0;
  const train = async ({ epochs, seed }: TrainingTask): Promise<Training> => {
    runs += 1;
    const run = `${name.replace(/\W+/g, "-")}-${runs}`;
    const words = ["train", "signs", "--run", run, "--epochs", String(epochs), "--seed", String(seed)];
    const { seconds } = await timed(succeed([...words, "--no-horizontal-flip", "--json", ...flags], { cwd }));
    return { ...(await reportOf(`file:${cwd}/.trainyard`, run)), programSeconds: seconds };
  };
  return { name, train };
}

/** An epoch's training is its steps, each from assignment to commit, and the next begins with the commit of the last. */
async function reportOf(store: string, run: string): Promise<Report> {
  const curve = await finishedCurve(run, { store });
  const total = (epoch: number, of: "samples" | "seconds") =>
    curve.steps.reduce((sum, row) => sum + (row.epoch === epoch ? row[of] : 0), 0);
  const epochs = curve.epochs.map(({ epoch, seconds, validationAccuracy }) => ({
    trainingSeconds: total(epoch, "seconds"),
    seconds,
    validationAccuracy: validationAccuracy ?? Number.NaN,
  }));
  return { samples: total(0, "samples"), epochs };
}

/** Two processes of a script that takes folder, epochs, seed, flip, its index and a port. */
export function twoProcesses(name: string, python: string, script: string): System {
  const train = async (task: TrainingTask): Promise<Training> => {
    const port = await freePort();
    const both = [1, 0].map((index) => runPython(python, script, task, [String(index), String(port)]));
    const { seconds, ended } = await timed(Promise.all(both));
    return { ...reportIn(ended), programSeconds: seconds };
  };
  return { name, train };
}

/** Keras as most know it: one process, ImageDataGenerator from the folder. `mostEpochs`: it is only a yardstick. */
export function oneProcess(name: string, python: string, script: string, mostEpochs: number): System {
  const train = async (task: TrainingTask): Promise<Training> => {
    const shorter = { ...task, epochs: Math.min(task.epochs, mostEpochs) };
    const { seconds, ended } = await timed(runPython(python, script, shorter, []));
    return { ...reportIn([ended]), programSeconds: seconds };
  };
  return { name, train };
}

async function runPython(
  python: string,
  script: string,
  { folder, epochs, seed }: TrainingTask,
  more: readonly string[],
): Promise<Ended> {
  const words = [resolve("test/bench", script), folder, String(epochs), String(seed), "0", ...more];
  const env = { ...process.env, PYTHONWARNINGS: "ignore" };
  const ended = await endOf(spawn(python, words, { env, stdio: ["ignore", "pipe", "pipe"] }));
  if (ended.code !== 0) throw new Error(`${script}: ${ended.stderr}`);
  return ended;
}

/** The last line of whichever process printed one. */
function reportIn(ended: readonly Ended[]): Report {
  const last = ended.map(({ stdout }) => stdout.trim().split("\n").at(-1) ?? "").find((line) => line !== "");
  if (last === undefined) throw new Error("no process reported its epochs");
  return JSON.parse(last) as Report;
}

async function timed<T>(work: Promise<T>): Promise<{ seconds: number; ended: T }> {
  const startMs = performance.now();
  const ended = await work;
  return { seconds: (performance.now() - startMs) / 1000, ended };
}
