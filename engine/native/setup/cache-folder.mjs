/**
 * Trainyard's cache folder of the user: where it is, how much room it has, and how a folder is created in it atomically
 * (filled under another name, then renamed).
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/** The cache folder: `$XDG_CACHE_HOME/trainyard`, else `~/.cache/trainyard`. XDG says to ignore a path that is not absolute. */
export function cacheFolder() {
  const chosen = process.env["XDG_CACHE_HOME"];
  const base = chosen?.startsWith("/") ? chosen : join(homedir(), ".cache");
  return join(base, "trainyard");
}

/**
 * Throws a SetupError when fewer than `bytes` are free on the folder's disk. The folder need not exist yet.
 * @param {string} folder
 * @param {number} bytes
 * @param {string} what
 */
export function needFreeSpace(folder, bytes, what) {
  let there = folder;
  while (!existsSync(there)) there = dirname(there);
  const stat = statfsSync(there);
  const free = stat.bavail * stat.bsize;
  if (free >= bytes) return;
  throw new SetupError(
    `${what} needs ${megabytes(bytes)} in ${folder}, and its disk has ${megabytes(free)} free. Free some space there, or choose another disk: export XDG_CACHE_HOME=/path/with/space`,
  );
}

/**
 * A number of bytes as text in megabytes.
 * @param {number} bytes
 */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6).toLocaleString("en-US")} MB`;
}

/**
 * Creates a folder completely or not at all. `fill` gets an empty folder beside it, which is renamed to `target` when
 * `fill` returns and removed when it throws. Call it while holding the target's lock.
 * @param {string} target
 * @param {(partial: string) => Promise<void>} fill
 */
export async function makeWhole(target, fill) {
  removeLeftovers(target);
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    await fill(partial);
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } catch (caught) {
    rmSync(partial, { recursive: true, force: true });
    throw caught;
  }
}

/**
 * Removes what an interrupted set-up has left beside `target`. Call it while holding the target's lock.
 * @param {string} target
 */
export function removeLeftovers(target) {
  const folder = dirname(target);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${basename(target)}.partial-`))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}
