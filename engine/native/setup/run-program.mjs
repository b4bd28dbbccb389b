/**
 * Runs other programs (pip, g++, npm, go) for the set-up and keeps their output. Never blocks the event loop, so that a
 * lock that is held is touched in time.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { SetupError } from "./setup-error.mjs";

/** @typedef {{ code: number, output: string }} Ended code is 127 when there is no such program */

/**
 * Runs a program until it ends. With `show` it writes to our own standard output. Otherwise the end of its output is kept,
 * and `onLine` is called with each line of its standard output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, show?: boolean, onLine?: (line: string) => void }} [options]
 * @returns {Promise<Ended>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: options.show === true ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    if (options.onLine !== undefined && child.stdout !== null)
      createInterface({ input: child.stdout }).on("line", options.onLine);
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString()).slice(-100_000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * The path of a program that is found by PATH, or undefined.
 * @param {string} name
 */
export function findProgram(name) {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * The command that installs a package on this system, with the package manager that it has.
 * @param {{ apt: string, dnf: string }} packages the package's name in Debian's and in Fedora's family
 */
export function installCommand(packages) {
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  if (findProgram("apt-get") === undefined && findProgram("dnf") !== undefined) {
    return `${sudo}dnf install -y ${packages.dnf}`;
  }
  return `${sudo}apt-get install -y ${packages.apt}`;
}

/** The command of Python 3. Throws a SetupError that names the missing package when Python or its pip is missing. */
export async function pythonWithPip() {
  if (findProgram("python3") === undefined) {
    throw new SetupError(
      `Python 3 is not there; its pip downloads TensorFlow. Run: ${installCommand({ apt: "python3 python3-pip", dnf: "python3 python3-pip" })}`,
    );
  }
  const pip = await run("python3", ["-m", "pip", "--version"]);
  if (pip.code === 0) return "python3";
  throw new SetupError(
    `Python 3 has no pip; it downloads TensorFlow. Run: ${installCommand({ apt: "python3-pip", dnf: "python3-pip" })}`,
  );
}

/**
 * The error for a failed pip, with the advice that fits its output.
 * @param {string} what what pip should have downloaded
 * @param {string} output
 * @param {string} folder the folder that it should have written to
 * @param {string} again the command that starts this set-up again
 */
export function pipError(what, output, folder, again) {
  if (/No space left on device|Errno 28|Disk quota exceeded/i.test(output)) {
    return new SetupError(
      `The disk of ${folder} is full. Free some space there, or choose another disk: export XDG_CACHE_HOME=/path/with/space`,
    );
  }
  if (/THESE PACKAGES DO NOT MATCH THE HASHES/i.test(output)) {
    return new SetupError(
      `What pip got for ${what} does not match its checksum. Clear pip's cache and try again: python3 -m pip cache purge && ${again}`,
    );
  }
  const last = lastLine(output);
  if (/connection|resolve|timed out|timeout|unreachable|from versions: none|SSLError|proxy/i.test(output)) {
    return new SetupError(
      `pip can't reach its package index for ${what} (${last}). Check the network and pip's settings (python3 -m pip config list), then run: ${again}`,
    );
  }
  return new SetupError(`pip could not get ${what}: ${last}. Fix that, then run: ${again}`);
}

/**
 * The last line of a program's output that reports an error, else its last line.
 * @param {string} output
 */
export function lastLine(output) {
  const lines = output.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => /^(ERROR|error|fatal)/.test(line));
  return (errors.at(-1) ?? lines.filter((line) => line !== "").at(-1) ?? "no output").replace(/\.$/, "");
}
