/**
 * The user's cache folder of Trainyard: where it is, how much room it has, and how something whole gets into
 * it (made beside, then renamed). Owns no content.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { SetupRefusal } from "./refusal.mjs";

/** `$XDG_CACHE_HOME/trainyard`, else `~/.cache/trainyard`. An XDG path that is not absolute is ignored, as XDG says. */
export function cacheFolder() {
  const chosen = process.env["XDG_CACHE_HOME"];
  const base = chosen?.startsWith("/") ? chosen : join(homedir(), ".cache");
  return join(base, "trainyard");
}

/**
 * Refuses when fewer than `bytes` are free on the folder's disk. The folder need not exist yet.
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
  throw new SetupRefusal(
    `${what} needs ${megabytes(bytes)} in ${folder}, and its disk has ${megabytes(free)} free. Free some space there, or choose another disk: export XDG_CACHE_HOME=/path/with/space`,
  );
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6).toLocaleString("en-US")} MB`;
}

/**
 * An empty folder beside `target`, to be renamed to it when whole. Call it under the target's lock.
 * @param {string} target
 */
export function emptyFolderBeside(target) {
  removeLeftovers(target);
  const folder = `${target}.partial-${process.pid}`;
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Removes what a killed or failed set-up left beside `target`. Call it under the target's lock.
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
