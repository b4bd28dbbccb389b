/**
 * Decoded and augmented pictures a second, from JPEG files of 200x200 to batches of 32 at 64x64 with every augmentation
 * on: ours up to and with the engine (a graph that only augments), Keras' ImageDataGenerator, torchvision's DataLoader.
 * Each process of a round starts with nothing decoded; rounds are interleaved. Then the wait for data of a training
 * of the classic net.
 *   npm run bench -- pipeline [--peers] [--quick] [--rounds 3] [--images 2000] [--epochs 3] [--threads 2]
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultImportOptions, importDataset } from "../../dataset/importing/import-dataset.js";
import type { RunSpec } from "../../shared/spec.js";
import { openStore } from "../../shared/store/open.js";
import { tinySpec } from "../support/core-driver.js";
import { scratch } from "../support/program.js";
import { peerPythons } from "../support/setup/peers.mjs";
import { machine, median, row, spread } from "./frame/figures.js";
import { hasFlag, isQuick, numberFlag } from "./frame/flags.js";
import { cutPhotographs } from "./pipeline/photographs.js";
import { trainingWait } from "./pipeline/training-wait.js";

const rounds = numberFlag("rounds", isQuick ? 1 : 3);
const images = numberFlag("images", isQuick ? 400 : 2_000);
const epochs = numberFlag("epochs", 3);
const threads = numberFlag("threads", 2);

/** Every augmentation there is, in Keras' units. */
const augmentation: RunSpec["augmentation"] = {
  rotationRange: 20,
  widthShiftRange: 0.1,
  heightShiftRange: 0.1,
  shearRange: 5,
  zoomRange: 0.1,
  horizontalFlip: true,
  verticalFlip: true,
  fillMode: "nearest",
  cval: 0,
  brightnessRange: [0.8, 1.2],
  channelShiftRange: 20,
};

interface Program {
  readonly name: string;
  readonly command: readonly string[];
  /** Images a second of each process: of its first epoch, and of each later one. */
  readonly first: number[];
  readonly later: number[];
}

const program = (name: string, command: readonly string[]): Program => ({
  name,
  command,
  first: [],
  later: [],
});

/** On two cores, where there are more. */
const twoCores =
  availableParallelism() > 2 && spawnSync("taskset", ["-V"]).status === 0 ? ["taskset", "-c", "0,1"] : [];

function runOnce({ name, command, first, later }: Program): void {
  const [file, ...words] = [...twoCores, ...command] as [string, ...string[]];
  const ended = spawnSync(file, words, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const line = ended.stdout.trim().split("\n").at(-1) ?? "";
  if (ended.status !== 0 || !line.startsWith("{"))
    throw new Error(`${name} failed: ${ended.stderr.slice(-2_000)}`);
  const { seconds } = JSON.parse(line) as { seconds: number[] };
  const [start, ...rest] = seconds.map((epoch) => images / epoch) as [number, ...number[]];
  first.push(start);
  later.push(...rest);
}

async function peers(folder: string): Promise<Program[]> {
  if (!hasFlag("peers")) return [];
  const { keras, torch } = await peerPythons();
  const here = "test/bench/pipeline";
  return [
    ...(isQuick ? ["plain"] : ["plain", "threads", "processes"]).map((mode) =>
      program(`Keras, ${mode}`, [keras, `${here}/keras_flow.py`, folder, String(epochs), mode]),
    ),
    program("torchvision, 2 processes", [torch, `${here}/torchvision_loader.py`, folder, String(epochs)]),
  ];
}

const widths = [26, 22, 22, 22, 22];

const folder = await cutPhotographs(images);
const place = scratch();
try {
  const storeUrl = `file:${place.folder}`;
  const store = await openStore(storeUrl);
  const { hash, classes } = await importDataset({
    source: folder,
    name: "photographs",
    store,
    options: defaultImportOptions,
  });
  const spec = tinySpec({
    dataset: { name: "photographs", hash },
    classes: [...classes],
    image: { height: 64, width: 64, channels: 3, resize: "nearest", colour: "srgb" },
    augmentation,
    epochs,
    batchSize: 32,
    lanes: 1,
    engine: { intraOpThreads: threads, oneDnn: true, compute: "float32" },
  });
  const ours = fileURLToPath(new URL("./pipeline/ours.js", import.meta.url));
  const programs = [
    program("Trainyard", [process.execPath, ours, storeUrl, JSON.stringify(spec)]),
    ...(await peers(join(folder, "train"))),
  ];
  for (let round = 0; round < rounds; round += 1) for (const one of programs) runOnce(one);

  console.log(`${machine()}, TensorFlow 2.21 with ${threads} threads per operation`);
  console.log(
    `${images} JPEG files, ${rounds} rounds of ${epochs} epochs; images a second, median (least-most), ratio to ours\n`,
  );
  console.log(row(["", "first epoch", "ratio", "later epochs", "ratio"], widths));
  const [mine] = programs as [Program];
  for (const { name, first, later } of programs) {
    const ratio = (all: readonly number[], own: readonly number[]) => (median(own) / median(all)).toFixed(2);
    const cells = [spread(first, 0), ratio(first, mine.first), spread(later, 0), ratio(later, mine.later)];
    console.log(row([name, ...cells], widths));
  }
  const run = { store: storeUrl, dataset: "photographs", steps: Math.ceil(images / 32) };
  console.log(`\n${await trainingWait(run, 3)}`);
} finally {
  place.remove();
}
