/**
 * Finds the classes in a tree of folders: `class/…`, or `train/class/…` with `validation/class/…`. Decides by the names
 * and shape of the tree alone, and explains what is wrong with any other tree. Reads no image, only the first bytes of
 * files, to tell the user how many of them are images.
 */
import { open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { TrainyardError } from "../../shared/errors.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import { detectFormat, headBytes } from "../decoding/image-format.js";
import type { SplitName } from "../manifest.js";
import { normalName } from "../names.js";
import { filesBelow, type SkippedFiles, type TreeFile, type TreeFolder } from "./folder-tree.js";
import type { ImageSource, SourceImage } from "./image-source.js";

/** Folder names that mean a split, in lower case. `test` is used as validation when there is no validation folder. */
const splitNames: Readonly<Record<string, SplitName | "test">> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  test: "test",
  testing: "test",
};

/**
 * Reads the classes and images of a tree of folders.
 * @param path the imported folder as the user wrote it, for messages.
 * @param chosen the classes of `--classes`. When one is called like a split, the folders count as classes.
 * @throws TrainyardError INPUT when there are no class folders, only one, or two names clash.
 */
export async function readClassFolders(
  path: string,
  root: TreeFolder,
  chosen: readonly string[] | null,
  skipped: SkippedFiles,
): Promise<ImageSource> {
  const splits = findSplits(root, chosen);
  const warnings = splits === null ? [] : await leaveOut(splits, root, skipped);
  const bases: [TreeFolder, SplitName | null][] =
    splits === null ? [[root, null]] : [[splits.train, splits.validation === null ? null : "train"]];
  if (splits?.validation != null) bases.push([splits.validation, "validation"]);
  const classes = new Set<string>();
  const images: SourceImage[] = [];
  for (const [folder, split] of bases) {
    if (folder.folders.length === 0) throw await noClassFolders(path, folder);
    await setAside(folder.files, skipped);
    for (const [className, classFolder] of foldersByClass(folder)) {
      classes.add(className);
      for (const file of filesBelow(classFolder)) images.push(sourceImage(file, className, split));
    }
  }
  const found = [...classes].sort(compareCodePoints);
  requireTwo(path, found, bases);
  if (splits === null) refuseDatasets(path, root);
  const layout = splits === null ? "class folders" : layoutOf(splits);
  return { layout, classes: found, isSplit: splits?.validation != null, images, warnings };
}

function layoutOf({ train, validation }: Splits): string {
  return validation === null ? `${train.name}/` : `${train.name}/ and ${validation.name}/`;
}

interface Splits {
  readonly train: TreeFolder;
  readonly validation: TreeFolder | null;
}

/** The folders of the splits, or null when the root's folders are the classes. */
function findSplits(root: TreeFolder, chosen: readonly string[] | null): Splits | null {
  const named = (split: string) =>
    root.folders.find((folder) => splitNames[folder.name.toLowerCase()] === split);
  const train = named("train");
  if (train === undefined || chosen?.some((name) => name === normalName(train.name)) === true) return null;
  const validation = named("validation") ?? named("test") ?? null;
  const others = root.folders.filter((folder) => splitNames[folder.name.toLowerCase()] === undefined);
  const hasClasses = train.folders.length > 0 && (validation === null || validation.folders.length > 0);
  // "train" beside "plane" and "ship" is a class; beside "validation" alone it is a split, with or without classes.
  if (!hasClasses && others.length > 0) return null;
  return { train, validation };
}

/** Counts the files beside the split folders and returns warnings about them. */
async function leaveOut(splits: Splits, root: TreeFolder, skipped: SkippedFiles): Promise<string[]> {
  const warnings: string[] = [];
  await setAside(root.files, skipped);
  for (const folder of root.folders) {
    if (folder === splits.train || folder === splits.validation) continue;
    const files = filesBelow(folder).length;
    add(skipped, `in ${folder.name}/, beside the splits`, files);
    warnings.push(`${folder.name}/ (${files} files) is not used: train/ and validation/ are the splits`);
  }
  if (splits.validation === null) {
    warnings.push(
      `there is ${splits.train.name}/ but no validation/: validation was split off the training images`,
    );
  } else if (splitNames[splits.validation.name.toLowerCase()] === "test") {
    warnings.push(`there is no validation/: ${splits.validation.name}/ is used for validation`);
  }
  return warnings;
}

/** Handles files beside the class folders: lists the images as rejected and counts the others. */
async function setAside(files: readonly TreeFile[], skipped: SkippedFiles): Promise<void> {
  for (const file of files) {
    if (await isImage(file))
      skipped.rejected.push({ source: file.source, reason: "lies outside every class folder" });
    else add(skipped, "not an image, beside the class folders", 1);
  }
}

function add(skipped: SkippedFiles, reason: string, files: number): void {
  if (files > 0) skipped.ignored.set(reason, (skipped.ignored.get(reason) ?? 0) + files);
}

/** The class folders by name. @throws TrainyardError INPUT for two folders with the same NFC name, or a name that is not UTF-8. */
function foldersByClass(base: TreeFolder): Map<string, TreeFolder> {
  const byClass = new Map<string, TreeFolder>();
  for (const folder of base.folders) {
    if (!folder.isUtf8) {
      throw new TrainyardError(
        "INPUT",
        `the class folder ${folder.source} has a name that is not UTF-8; rename it`,
      );
    }
    const name = normalName(folder.name);
    const twin = byClass.get(name);
    if (twin !== undefined) throw twins(twin, folder);
    byClass.set(name, folder);
  }
  return byClass;
}

function twins(a: TreeFolder, b: TreeFolder): TrainyardError {
  const spelled = (folder: TreeFolder) =>
    `"${folder.source}" (${folder.name.normalize("NFC") === folder.name ? "composed" : "decomposed"} letters)`;
  const message = `two class folders have the same name in Unicode: ${spelled(a)} and ${spelled(b)}; merge or rename one`;
  return new TrainyardError("INPUT", message);
}

/** Refuses a source with fewer than two classes. Most often the user gave a folder one level too high. */
function requireTwo(path: string, found: readonly string[], bases: [TreeFolder, SplitName | null][]): void {
  if (found.length >= 2) return;
  const only = bases[0]?.[0].folders.find((folder) => normalName(folder.name) === found[0]);
  const hint =
    only !== undefined && only.folders.length > 1 && only.files.length === 0
      ? `; did you mean ${path}/${only.source}?`
      : "; a classifier needs two classes or more, one folder each";
  throw new TrainyardError("INPUT", `${path} holds one class only ("${found[0]}")${hint}`);
}

/** Refuses a folder that contains data sets, each with its own train/, since these folders are no classes. */
function refuseDatasets(path: string, root: TreeFolder): void {
  const isDataset = ({ files, folders }: TreeFolder) =>
    files.length === 0 && folders.some(({ name }) => splitNames[name.toLowerCase()] === "train");
  const inner = root.folders.find(isDataset);
  if (inner === undefined || !root.folders.every(isDataset)) return;
  const message = `the folders of ${path} are data sets with a train/ of their own, no classes; did you mean ${path}/${inner.source}?`;
  throw new TrainyardError("INPUT", message);
}

async function noClassFolders(path: string, folder: TreeFolder): Promise<TrainyardError> {
  const where = folder.source === "" ? path : `${path}/${folder.source}`;
  const sizes = await Promise.all(folder.files.slice(0, 10_000).map(isImage));
  const images = sizes.filter(Boolean).length;
  if (images === 0) return new TrainyardError("INPUT", `${where} has no class folders and no images`);
  const hint = folder.source === "" ? `; did you mean the parent, ${dirname(path)}?` : "";
  const noun = images === 1 ? "image" : "images";
  return new TrainyardError("INPUT", `found ${images} ${noun} in ${where} but no class folders${hint}`);
}

async function isImage(file: TreeFile): Promise<boolean> {
  const handle = await open(file.path).catch(() => null);
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return detectFormat(buffer.subarray(0, bytesRead)).supported;
  } finally {
    await handle.close();
  }
}

function sourceImage(file: TreeFile, className: string, split: SplitName | null): SourceImage {
  return { source: file.source, className, split, read: () => readFile(file.path) };
}
