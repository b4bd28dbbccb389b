/**
 * Installs the npm packages of a clone when they are not those of package-lock.json, with package scripts off,
 * and makes `npx trainyard` work there. npm writes what it installed to node_modules/.package-lock.json as its last
 * act, so that file tells a whole installation from an interrupted one.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findProgram, lastLine, run } from "../engine/native/setup/run-program.mjs";
import { SetupError } from "../engine/native/setup/setup-error.mjs";

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }} LockedPackage */

/**
 * @param {string} root of the clone
 * @param {(line: string) => void} say
 * @param {string} again the command that starts this set-up again
 */
export async function installNpmPackages(root, say, again) {
  if (
    areInstalled(
      lockedPackages(root, "package-lock.json"),
      lockedPackages(root, "node_modules/.package-lock.json"),
    )
  ) {
    return;
  }
  if (findProgram("npm") === undefined) {
    throw new SetupError("Node is there but npm is not. Get Node with npm, for example: nvm install 24");
  }
  say("installing the npm packages (620 MB on disk)");
  const ended = await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: root });
  if (ended.code !== 0) throw npmError(ended.output, root, again);
}

/**
 * The packages of a lock file by their folder, or undefined when there is no such file.
 * @param {string} root
 * @param {string} file
 * @returns {Record<string, LockedPackage> | undefined}
 */
function lockedPackages(root, file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : undefined;
}

/**
 * Whether what npm installed is what the lock asks for. Optional packages of other platforms are not installed.
 * @param {Record<string, LockedPackage> | undefined} wanted
 * @param {Record<string, LockedPackage> | undefined} installed
 */
export function areInstalled(wanted, installed) {
  if (wanted === undefined || installed === undefined) return false;
  const missing = Object.entries(wanted).some(([folder, { version, integrity, optional, devOptional }]) => {
    if (folder === "") return false;
    const there = installed[folder];
    if (there === undefined) return optional !== true && devOptional !== true;
    return there.version !== version || there.integrity !== integrity;
  });
  return !missing && Object.keys(installed).every((folder) => wanted[folder] !== undefined);
}

/**
 * @param {string} output
 * @param {string} root
 * @param {string} again
 */
function npmError(output, root, again) {
  if (/ENOSPC|no space left/i.test(output)) {
    return new SetupError(`The disk of ${root} is full. Free some space there, then run: ${again}`);
  }
  if (/ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|network/i.test(output)) {
    return new SetupError(
      `npm can't reach its package registry. Check the network and npm's settings (npm config list), then run: ${again}`,
    );
  }
  return new SetupError(
    `npm could not install the packages: ${lastLine(output)}. Fix that, then run: ${again}`,
  );
}

/**
 * npm links the programs of packages, never the clone's own; this link is what `npx trainyard` finds.
 * @param {string} root
 */
export function linkProgram(root) {
  const link = join(root, "node_modules", ".bin", "trainyard");
  if (existsSync(link)) return;
  mkdirSync(join(root, "node_modules", ".bin"), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync("../../bin/trainyard.mjs", link);
}
