/**
 * Makes the virtual environment with the real Keras that parity and export tests compare with. Made once, in the
 * user's cache; a marker written last says that it is whole, so an interrupted installation is done again.
 * Also a program: `node test/support/setup/keras.mjs`.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { needFreeSpace } from "../../../engine/native/setup/cache.mjs";
import { withLock } from "../../../engine/native/setup/lock.mjs";
import { installCommand, pipRefusal, pythonWithPip, run } from "../../../engine/native/setup/programs.mjs";
import { SetupRefusal } from "../../../engine/native/setup/refusal.mjs";
import { kerasFolder, kerasPython } from "./paths.mjs";

/** Keras and what parity depends on are fixed; numpy and scipy follow the Python at hand. */
const packages = [
  "tensorflow-cpu==2.21.0",
  "keras==3.15.1",
  "pillow>=11",
  "scipy>=1.14",
  "numpy>=2,<3",
  "h5py>=3.12",
];
const neededBytes = 2_500_000_000;
const marker = join(kerasFolder, "installed.txt");

/** @param {(line: string) => void} say */
export async function installKeras(say) {
  if (isInstalled()) return;
  await withLock(`${kerasFolder}.lock`, say, async () => {
    if (isInstalled()) return;
    await make(say);
  });
}

function isInstalled() {
  return (
    existsSync(kerasPython) && existsSync(marker) && readFileSync(marker, "utf8") === packages.join("\n")
  );
}

/** @param {(line: string) => void} say */
async function make(say) {
  needFreeSpace(kerasFolder, neededBytes, "Keras for the tests");
  const python = await pythonWithPip();
  say("installing Keras 3.15 for the tests (1.7 GB on disk)");
  rmSync(kerasFolder, { recursive: true, force: true });
  const venv = await run(python, ["-m", "venv", kerasFolder]);
  if (venv.code !== 0) {
    throw new SetupRefusal(
      `Python can't make a virtual environment. Run: ${installCommand({ apt: "python3-venv", dnf: "python3" })}`,
    );
  }
  const pip = await run(kerasPython, ["-m", "pip", "install", "--only-binary=:all:", ...packages]);
  if (pip.code !== 0) throw pipRefusal("Keras for the tests", pip.output, kerasFolder, "npm test");
  const check = await run(kerasPython, ["-c", "import keras, scipy, PIL; print(keras.__version__)"], {
    env: { TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  if (check.code !== 0)
    throw new SetupRefusal(`Keras does not start: ${check.output.trim()}. Run again: npm test`);
  writeFileSync(marker, packages.join("\n"));
  say("Keras is there");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await installKeras((line) => console.log(line));
}
