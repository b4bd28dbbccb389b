/**
 * A lock file in the cache, so that of two set-ups at the same time only one does the work; the other waits for it. The
 * holder touches the file every few seconds. A lock that is not touched, or whose process has ended, is stale and taken
 * over. The file holds a drawn word, so that a holder that slept for a minute leaves its successor's lock alone.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  linkSync,
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
  const owner = JSON.stringify({ host: hostname(), process: process.pid, word: randomUUID() });
  while (!take(path, owner)) {
    const stale = staleOwner(path);
    if (stale !== undefined) {
      drop(path, stale);
      continue;
    }
    if (!isLogged) say("another set-up is at work here; waiting for it");
    isLogged = true;
    await sleep(pollMs);
  }
  const touching = setInterval(() => touch(path, owner), touchMs);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    drop(path, owner);
  }
}

/**
 * @param {string} path
 * @param {string} owner
 */
function take(path, owner) {
  try {
    const file = openSync(path, "wx");
    writeSync(file, owner);
    closeSync(file);
    return true;
  } catch (caught) {
    if (isCode(caught, "EEXIST")) return false;
    throw caught;
  }
}

/**
 * The content of a lock that is stale; undefined while its holder lives.
 * @param {string} path
 */
function staleOwner(path) {
  try {
    const owner = readFileSync(path, "utf8");
    if (Date.now() - statSync(path).mtimeMs > staleMs) return owner;
    const { host, process: id } = JSON.parse(owner);
    return host === hostname() && !isRunning(id) ? owner : undefined;
  } catch {
    // The file has been removed or is not written yet: look again.
    return undefined;
  }
}

/**
 * Removes the lock of this owner. It is renamed first, so that of two processes only one removes it. Another owner's lock
 * gets its name back.
 * @param {string} path
 * @param {string} owner
 */
function drop(path, owner) {
  const aside = `${path}.dropped-${randomUUID()}`;
  try {
    if (readFileSync(path, "utf8") !== owner) return;
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== owner) linkSync(aside, path);
    rmSync(aside, { force: true });
  } catch (caught) {
    if (!isCode(caught, "ENOENT") && !isCode(caught, "EEXIST")) throw caught;
  }
}

/**
 * @param {string} path
 * @param {string} owner
 */
function touch(path, owner) {
  const now = new Date();
  try {
    if (readFileSync(path, "utf8") === owner) utimesSync(path, now, now);
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
