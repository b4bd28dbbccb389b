/**
 * The files below a folder store's root as keys in order, and the place of its unfinished writes. A walk holds the
 * names of one folder per level in memory, never all keys.
 */
import { mkdir, readdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { throwIfAborted } from "../retry.js";
import { isMissing, systemCode } from "./folder-errors.js";
import { compareCodePoints } from "./keys.js";
import type { ObjectInfo } from "./object-store.js";

/** Below the root; no key may start with it. */
export const writingFolder = ".writing";
/** A write that has not moved for so long was killed. */
const abandonedMs = 60 * 60 * 1000;

/** Objects whose key starts with the prefix, in code-point order of the key. */
export async function* walk(root: string, prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectInfo> {
  yield* walkFolder(root, prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix, signal);
}

/** `folderKey` is "" or ends in a slash; a folder sorts as its name with the slash, as its keys do. */
async function* walkFolder(
  root: string,
  folderKey: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectInfo> {
  throwIfAborted(signal, `listing "${prefix}"`);
  for (const key of await keysOf(root, folderKey)) {
    if (key.endsWith("/")) {
      if (key.startsWith(prefix) || prefix.startsWith(key)) yield* walkFolder(root, key, prefix, signal);
    } else if (key.startsWith(prefix)) {
      throwIfAborted(signal, `listing "${prefix}"`);
      const found = await statOrNull(join(root, key));
      if (found?.isFile()) yield { key, bytes: found.size };
    }
  }
}

/** Keys of the files of one folder, and its sub-folders with a slash, sorted. A folder that went meanwhile is empty. */
async function keysOf(root: string, folderKey: string): Promise<string[]> {
  const keys: string[] = [];
  try {
    for (const entry of await readdir(join(root, folderKey), { withFileTypes: true })) {
      if (folderKey === "" && entry.name === writingFolder) continue;
      const isFolder = entry.isSymbolicLink()
        ? (await statOrNull(join(root, folderKey, entry.name)))?.isDirectory()
        : entry.isDirectory();
      keys.push(`${folderKey}${entry.name}${isFolder ? "/" : ""}`);
    }
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  return keys.sort(compareCodePoints);
}

async function statOrNull(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Deletes what killed writers left. Running ones are younger, or keep writing. */
export async function removeAbandoned(root: string): Promise<void> {
  const folder = join(root, writingFolder);
  for (const name of await readdir(folder)) {
    const found = await statOrNull(join(folder, name));
    if (found !== null && Date.now() - found.mtimeMs > abandonedMs) {
      await unlink(join(folder, name)).catch(() => undefined);
    }
  }
}

/**
 * Makes a folder and its parents. Node's own recursive mkdir never returns when an existing parent can't hold folders
 * (/proc).
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch(async (again: unknown) => {
      // Another process may have been faster.
      if (systemCode(again) !== "EEXIST" || !(await stat(path)).isDirectory()) throw again;
    });
  }
}
