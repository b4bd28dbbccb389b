/**
 * A lock file in the cache, so that of two set-ups at the same time only one does the work; the other waits for it. The
 * holder touches the file every few seconds. A lock that is not touched, or whose process has ended, is stale and taken
 * over.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const touchMs = 5_000;
/** A lock that was not touched for this time is stale. Longer than a fully loaded machine takes between two touches. */
const staleMs = 60_000;
const pollMs = 500;

/**
 * Runs `work` while holding the lock.
 * @template T
 * @param {string} path the lock file
 * @param {(line: string) => void} say
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, say, work) {
  mkdirSync(dirname(path), { recursive: true });
  let isLogged = false;
  while (!take(path)) {
    if (isStale(path)) {
      dropStale(path);
      continue;
    }
    if (!isLogged) say("another set-up is at work here; waiting for it");
    isLogged = true;
    await sleep(pollMs);
  }
  const touching = setInterval(() => touch(path), touchMs);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    rmSync(path, { force: true });
  }
}

/** @param {string} path */
function take(path) {
  try {
    const file = openSync(path, "wx");
    writeSync(file, JSON.stringify({ host: hostname(), process: process.pid }));
    closeSync(file);
    return true;
  } catch (caught) {
    if (isCode(caught, "EEXIST")) return false;
    throw caught;
  }
}

/** @param {string} path */
function isStale(path) {
  try {
    if (Date.now() - statSync(path).mtimeMs > staleMs) return true;
    const owner = JSON.parse(readFileSync(path, "utf8"));
    return owner.host === hostname() && !isRunning(owner.process);
  } catch {
    // The file has been removed or is not written yet: look again.
    return false;
  }
}

/**
 * Removes a stale lock. It is renamed first, so that of two waiting processes only one removes it.
 * @param {string} path
 */
function dropStale(path) {
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (caught) {
    if (!isCode(caught, "ENOENT")) throw caught;
  }
}

/** @param {string} path */
function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (caught) {
    if (!isCode(caught, "ENOENT")) throw caught;
  }
}

/** @param {number} processId */
function isRunning(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (caught) {
    return isCode(caught, "EPERM");
  }
}

/**
 * @param {unknown} caught
 * @param {string} code
 */
function isCode(caught, code) {
  return caught instanceof Error && "code" in caught && caught.code === code;
}
