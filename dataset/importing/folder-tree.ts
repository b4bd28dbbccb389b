/**
 * Reads the tree of folders and files below an import's path: sorted, links followed, hidden and system files left out
 * and counted. Knows nothing of classes and opens no file.
 */
import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { sep } from "node:path";
import { mapBounded } from "../../shared/concurrency.js";
import { TrainyardError } from "../../shared/errors.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import { normalName } from "../names.js";

/** A file in the tree. */
export interface TreeFile {
  readonly name: string;
  /** The path as bytes, because a file name need not be UTF-8. */
  readonly path: Buffer;
  /** The path relative to the imported folder, separated by `/`, as the user wrote the names. */
  readonly source: string;
}

/** A folder in the tree, with its files and folders in order. */
export interface TreeFolder extends TreeFile {
  /** Whether the folder's path is UTF-8. */
  readonly isUtf8: boolean;
  readonly files: readonly TreeFile[];
  readonly folders: readonly TreeFolder[];
}

/** The files that an import leaves out. Files that are no images are only counted, by reason; the others are listed. */
export interface SkippedFiles {
  readonly ignored: Map<string, number>;
  readonly rejected: { source: string; reason: string }[];
}

const statsAtATime = 16;

/** Reads the whole tree below `path`. Errors: INPUT when it is missing, not a folder, or can't be read. */
export async function readFolderTree(
  path: string,
  skipped: SkippedFiles,
  signal?: AbortSignal,
): Promise<TreeFolder> {
  const stats = await stat(path).catch((cause) => {
    throw new TrainyardError("INPUT", `${path} can't be read: ${reasonOf(cause)}`, { cause });
  });
  if (!stats.isDirectory()) {
    throw new TrainyardError(
      "INPUT",
      `${path} is a file; give the folder that holds one folder of images per class`,
    );
  }
  const root = { name: "", path: Buffer.from(path), source: "" };
  return readFolder(root, new Set([identity(stats)]), skipped, signal);
}

/** Reads a folder. `above` holds the identities of the folders above it: a link to one of them is not followed. */
async function readFolder(
  entry: TreeFile,
  above: ReadonlySet<string>,
  skipped: SkippedFiles,
  signal?: AbortSignal,
): Promise<TreeFolder> {
  const files: TreeFile[] = [];
  const folders: TreeFolder[] = [];
  const names = await readNames(entry);
  const children = names.map((name) => childOf(entry, name));
  children.sort(byName);
  const stats = await mapBounded(children, statsAtATime, statOrReason, signal);
  for (const [index, child] of children.entries()) {
    const found = stats[index] as Stats | string;
    const reason = ignoredReason(child.name);
    if (reason !== null) {
      count(
        skipped,
        reason,
        typeof found !== "string" && found.isDirectory() ? await countFiles(child.path, above) : 1,
      );
    } else if (typeof found === "string") {
      skipped.rejected.push({ source: child.source, reason: found });
    } else if (found.isFile()) files.push(child);
    else if (!found.isDirectory()) count(skipped, "not a regular file (a pipe, socket or device)", 1);
    else if (above.has(identity(found))) count(skipped, "a link to a folder that contains it", 1);
    else folders.push(await readFolder(child, new Set([...above, identity(found)]), skipped, signal));
  }
  return { ...entry, isUtf8: isUtf8(entry.path), files, folders };
}

async function readNames(entry: TreeFile): Promise<Buffer[]> {
  try {
    return await readdir(entry.path, { encoding: "buffer" });
  } catch (cause) {
    throw new TrainyardError("INPUT", `the folder ${entry.path} can't be read: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function childOf(parent: TreeFile, bytes: Buffer): TreeFile {
  const name = bytes.toString("utf8");
  return {
    name,
    path: Buffer.concat([parent.path, Buffer.from(sep), bytes]),
    source: parent.source === "" ? name : `${parent.source}/${name}`,
  };
}

/** Compares by composed name, then by bytes, so that the order in which a file system lists files does not matter. */
function byName(a: TreeFile, b: TreeFile): number {
  return compareCodePoints(normalName(a.name), normalName(b.name)) || Buffer.compare(a.path, b.path);
}

/** The stats of an entry or of its link's target, or the reason why there are none. */
async function statOrReason(entry: TreeFile): Promise<Stats | string> {
  try {
    return await stat(entry.path);
  } catch (caught) {
    const isMissing = (caught as NodeJS.ErrnoException).code === "ENOENT";
    return isMissing ? "a link to a file that is not there" : reasonOf(caught);
  }
}

/** Device and inode: the same for every link that leads to a folder. */
const identity = (stats: Stats) => `${stats.dev}:${stats.ino}`;

function ignoredReason(name: string): string | null {
  if (name.startsWith("._")) return "macOS resource files (._*)";
  if (name === ".ipynb_checkpoints" || name === ".DS_Store") return name;
  if (name.startsWith(".")) return "hidden (name begins with a dot)";
  const system =
    /^(thumbs\.db|ehthumbs\.db|desktop\.ini|__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information)$/i;
  return system.test(name) ? name : null;
}

function count(skipped: SkippedFiles, reason: string, files: number): void {
  skipped.ignored.set(reason, (skipped.ignored.get(reason) ?? 0) + files);
}

/** The number of files in an ignored folder, so that the totals add up to what is on disk. */
async function countFiles(path: Buffer, above: ReadonlySet<string>): Promise<number> {
  let files = 0;
  for (const name of await readdir(path, { encoding: "buffer" }).catch(() => [])) {
    const child = Buffer.concat([path, Buffer.from(sep), name]);
    const stats = await stat(child).catch(() => null);
    if (stats?.isDirectory() !== true) files += 1;
    else if (!above.has(identity(stats)))
      files += await countFiles(child, new Set([...above, identity(stats)]));
  }
  return files;
}

/** All files of a folder and of the folders below it, in order. */
export function filesBelow(folder: TreeFolder): TreeFile[] {
  return [...folder.files, ...folder.folders.flatMap(filesBelow)];
}

/** A file system's error in words. */
export function reasonOf(caught: unknown): string {
  const { code, message } = caught as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file or folder";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "ELOOP") return "a link that leads to itself";
  return message;
}
