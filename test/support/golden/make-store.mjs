/**
 * Makes a store of test/golden with the built program: `node test/support/golden/make-store.mjs 2` writes test/golden/store-2
 * with the data set `shapes-2` (the images of the first store), the run `finished-2`, and the run `interrupted-2` with the
 * same settings, stopped in the middle of an epoch. Run it when a format gets a new number (docs/design/formats.md), and
 * commit the folder as it is: later versions must never write it anew.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeSourceImages } from "./source-images.mjs";

const number = process.argv[2] ?? "";
if (!/^[2-9]$/.test(number)) throw new Error("say the store's number: make-store.mjs 2");
const golden = resolve(import.meta.dirname, "../../golden");
const store = join(golden, `store-${number}`);
const stepsPerEpoch = 5;
/** Plain SGD has no moments: a checkpoint is one vector, and the store stays small. */
const settings =
  "--model digits --image-size 8 --channels 3 --epochs 14 --batch-size 4 --lanes 2 --threads 1 --seed 3 --optimizer sgd " +
  "--learning-rate 0.05 --rotation-range 10 --width-shift-range 0.1 --height-shift-range 0.1 --shear-range 0 --zoom-range 0.1 " +
  "--no-horizontal-flip --checkpoint-steps 10 --keep-checkpoints 1 --allow-mixed --workers 1";

/**
 * Runs the program on the store. `stopAt`: sends Ctrl-C when standard error says this.
 * @param {string} line
 * @param {RegExp} [stopAt]
 * @returns {Promise<string>} what it said on standard error
 */
function trainyard(line, stopAt) {
  const words = [resolve("bin/trainyard.mjs"), ...line.split(" "), "--store", `file:${store}`];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "inherit", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    if (stopAt?.test(text) && !stopAt.test(said)) child.kill("SIGINT");
    said += text;
    process.stderr.write(text);
  });
  return new Promise((done, fail) => {
    child.once("close", (code) => {
      if (code === 0 || stopAt !== undefined) done(said);
      else fail(new Error(`${line} ended with ${code}`));
    });
  });
}

/** Trains `interrupted` until it is stopped between two epochs' ends. */
async function interrupt() {
  const run = `interrupted-${number}`;
  for (;;) {
    await trainyard(`train shapes-${number} --run ${run} ${settings}`, /epoch [2-7]\/14/);
    const steps = readdirSync(join(store, "runs", run, "checkpoints")).map((id) => Number(id.split("-")[1]));
    if (Math.max(...steps) % stepsPerEpoch !== 0 && Math.max(...steps) < 35) return;
    rmSync(join(store, "runs", run), { recursive: true });
  }
}

const images = mkdtempSync(join(tmpdir(), "trainyard-golden-"));
try {
  writeSourceImages(join(golden, "store"), "shapes", images);
  await trainyard(`import ${images} --name shapes-${number} --validation-split 0.25`);
  await trainyard(`train shapes-${number} --run finished-${number} ${settings}`);
  await interrupt();
  rmSync(join(store, "logs"), { recursive: true, force: true });
  // Pages for people are no format.
  for (const page of [`datasets/shapes-${number}`, `runs/finished-${number}`]) {
    rmSync(join(store, page, "report.html"), { force: true });
  }
} finally {
  rmSync(images, { recursive: true });
}
