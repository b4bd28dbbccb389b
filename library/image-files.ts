/** The files that a user names to predict: files as they are, folders with all that lies in and below them. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { filesBelow, readFolderTree, reasonOf, type SkippedFiles } from "../dataset/importing/folder-tree.js";
import { asTrainyardError } from "../shared/errors.js";

/** An image to classify: a file to read, the bytes of one (which has no path), or why it can't be read. */
export type ImageFile =
  | { readonly path: string; readonly file: string | Buffer }
  | { readonly path: null; readonly bytes: Uint8Array }
  | { readonly path: string; readonly error: string };

export interface ImageFiles {
  /** In the order given; within a folder in code-point order. */
  readonly files: readonly ImageFile[];
  /** Entries of folders that are surely no images (hidden files, system folders), by reason. */
  readonly ignored: ReadonlyMap<string, number>;
}

/** Opens no file; never throws for a path that can't be read. */
export async function imageFiles(paths: readonly string[], signal?: AbortSignal): Promise<ImageFiles> {
  const ignored = new Map<string, number>();
  const files: ImageFile[] = [];
  for (const path of paths) files.push(...(await filesAt(path, ignored, signal)));
  return { files, ignored };
}

async function filesAt(
  path: string,
  ignored: Map<string, number>,
  signal: AbortSignal | undefined,
): Promise<ImageFile[]> {
  const found = await stat(path).catch((caught) => reasonOf(caught));
  if (typeof found === "string") return [{ path, error: `can't be read: ${found}` }];
  if (!found.isDirectory()) return [{ path, file: path }];
  const skipped: SkippedFiles = { ignored, rejected: [] };
  try {
    const tree = await readFolderTree(path, skipped, signal);
    const files = filesBelow(tree).map(({ source, path: file }) => ({ path: join(path, source), file }));
    const bad = skipped.rejected.map(({ source, reason }) => ({ path: join(path, source), error: reason }));
    if (files.length + bad.length === 0) return [{ path, error: "is a folder without files" }];
    return [...files, ...bad];
  } catch (caught) {
    signal?.throwIfAborted();
    return [{ path, error: asTrainyardError(caught).message }];
  }
}
