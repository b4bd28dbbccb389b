/**
 * Makes a Python virtual environment in the user's cache: once, under a lock, with a marker written last that says
 * it is whole, so an interrupted installation is done again. Knows nothing of what the packages are for.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needFreeSpace } from "../../../engine/native/setup/cache-folder.mjs";
import { withLock } from "../../../engine/native/setup/lock-file.mjs";
import {
  installCommand,
  lastLine,
  pipError,
  pythonWithPip,
  run,
} from "../../../engine/native/setup/run-program.mjs";
import { SetupError } from "../../../engine/native/setup/setup-error.mjs";
import { pythonIn } from "./paths.mjs";

/**
 * @typedef {object} PythonEnvironment
 * @property {string} name how it is called in what is said
 * @property {string} folder
 * @property {readonly string[]} packages requirements as pip takes them
 * @property {number} neededBytes on the disk, with what pip downloads meanwhile
 * @property {string} check Python that runs once everything is installed
 * @property {string} again the command that starts this set-up again
 */

/**
 * Throws SetupError with what to do where Python, pip, the network or the disk fall short.
 * @param {PythonEnvironment} environment
 * @param {(line: string) => void} say
 */
export async function installPythonEnvironment(environment, say) {
  if (isInstalled(environment)) return;
  await withLock(`${environment.folder}.lock`, say, async () => {
    if (!isInstalled(environment)) await make(environment, say);
  });
}

/** @param {string} folder */
const marker = (folder) => join(folder, "installed.txt");

/** @param {PythonEnvironment} environment */
function isInstalled({ folder, packages }) {
  const file = marker(folder);
  return (
    existsSync(pythonIn(folder)) && existsSync(file) && readFileSync(file, "utf8") === packages.join("\n")
  );
}

/**
 * @param {PythonEnvironment} environment
 * @param {(line: string) => void} say
 */
async function make({ name, folder, packages, neededBytes, check, again }, say) {
  needFreeSpace(folder, neededBytes, name);
  const python = await pythonWithPip();
  say(`installing ${name} (up to ${(neededBytes / 1e9).toFixed(1)} GB on disk)`);
  rmSync(folder, { recursive: true, force: true });
  const venv = await run(python, ["-m", "venv", folder]);
  if (venv.code !== 0) {
    throw new SetupError(
      `Python can't make a virtual environment. Run: ${installCommand({ apt: "python3-venv", dnf: "python3" })}`,
    );
  }
  const pip = await run(pythonIn(folder), ["-m", "pip", "install", "--only-binary=:all:", ...packages]);
  if (pip.code !== 0) throw pipError(name, pip.output, folder, again);
  const checked = await run(pythonIn(folder), ["-c", check], { env: { TF_CPP_MIN_LOG_LEVEL: "3" } });
  if (checked.code !== 0) {
    throw new SetupError(`${name} does not start: ${lastLine(checked.output)}. Run again: ${again}`);
  }
  writeFileSync(marker(folder), packages.join("\n"));
  say(`${name} is there`);
}
