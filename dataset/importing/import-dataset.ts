/**
 * Imports a folder of images as an immutable data set in the store, in four steps: find the images, examine them, plan
 * the shards, write. Shards are written first and the manifest last, so that an interrupted import leaves nothing that
 * looks like a data set. When two imports of the same new name run at the same time, one of them fails; the shards of
 * the other are checked against their hashes whenever they are read.
 */
import { TrainyardError } from "../../shared/errors.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { Manifest, manifestKey, newestManifestFormat, type SplitName } from "../manifest.js";
import { readManifest } from "../manifest-reader.js";
import { checkDatasetName, normalName } from "../names.js";
import { chooseClasses } from "./choose-classes.js";
import { readClassFolders } from "./class-folders.js";
import { type ExaminedImage, examineAll } from "./examine-images.js";
import { readFolderTree, type SkippedFiles } from "./folder-tree.js";
import { countFormats, misnamed } from "./format-counts.js";
import { readIdx } from "./idx-files.js";
import type { ImageSource } from "./image-source.js";
import { type ImportPlan, planImport } from "./import-plan.js";
import { renderReport } from "./report-page.js";
import { writeShards } from "./shard-writer.js";
import { makeThumbnails } from "./thumbnails.js";

/** What a user chooses about an import. */
export interface ImportOptions {
  /** The classes in label order; null means all classes, by name. */
  readonly classes: readonly string[] | null;
  /** Fraction of each class for validation, when the source is not split. Null means 0.2. */
  readonly validationSplit: number | null;
  /** Seed of the split and of the shuffle across shards. */
  readonly splitSeed: number;
  /** Whether a file that can't be used is skipped and listed, or makes the import fail. */
  readonly onBad: "skip" | "fail";
}

/** The options of an import for which the user chooses nothing. */
export const defaultImportOptions: ImportOptions = {
  classes: null,
  validationSplit: null,
  splitSeed: 1,
  onBad: "skip",
};

/** How far an import is. */
export interface ImportProgress {
  readonly phase: "examine" | "store";
  /** Number of files examined, or of samples stored. */
  readonly done: number;
  readonly total: number;
}

/** An import to be carried out. */
export interface ImportRequest {
  /** The folder to be imported, as the user wrote it. */
  readonly source: string;
  readonly name: string;
  /** The opened store that the data set is written to. */
  readonly store: ObjectStore;
  readonly options: ImportOptions;
  readonly signal?: AbortSignal;
  onProgress?(progress: ImportProgress): void;
}

/** The result of an import. */
export interface ImportReport {
  readonly name: string;
  readonly hash: string;
  /** Whether the same content existed under this name already, so that nothing was written. */
  readonly wasThere: boolean;
  readonly layout: string;
  readonly classes: readonly string[];
  readonly counts: Readonly<Record<SplitName, readonly number[]>>;
  /** Number of files found on disk: accepted + rejected + ignored. */
  readonly files: number;
  readonly accepted: number;
  readonly rejected: readonly { readonly source: string; readonly reason: string }[];
  readonly ignored: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Number of images in each format, by their content. */
  readonly formats: Readonly<Record<string, number>>;
  /** What the user may want to do next. */
  readonly advice: readonly string[];
  readonly sizes: Manifest["sizes"];
  readonly grey: boolean;
  readonly shards: number;
  /** Bytes of all shards together. */
  readonly bytes: number;
  readonly seconds: number;
  /** Key of the report page in the store. */
  readonly reportKey: string;
}

/** The key of a data set's report page in the store. */
export const reportKey = (name: string) => `datasets/${name}/report.html`;

/**
 * Imports a folder as data set `name`. Importing the same content again is not an error.
 * @throws TrainyardError INPUT, USAGE, ALREADY_EXISTS (the name is taken by other content), and the store's.
 */
export async function importDataset(request: ImportRequest): Promise<ImportReport> {
  const { name, options, store, signal } = request;
  const begin = performance.now();
  checkDatasetName(name);
  const skipped: SkippedFiles = { ignored: new Map(), rejected: [] };
  const source = await findSource(request, skipped);
  const onDone = (done: number, total: number) => request.onProgress?.({ phase: "examine", done, total });
  const examined = await examineAll(source, skipped, { onDone, signal });
  skipped.rejected.sort((a, b) => compareCodePoints(a.source, b.source));
  if (options.onBad === "fail") refuseRejected(skipped);
  const { classes, isSplit } = source;
  const { splitSeed: seed } = options;
  const validationSplit = options.validationSplit ?? 0.2;
  const there = await readManifest(store, name, signal);
  const format = there?.format ?? newestManifestFormat;
  const { rejected } = skipped;
  const plan = planImport(examined, { format, classes, isSplit, validationSplit, seed, rejected });
  if (there !== null) refuseOther(there, plan.hash);
  const draft = draftManifest({ name, format, options, source, examined, plan, skipped });
  const manifest =
    there === null ? await write(request, plan, draft, examined) : { ...draft, splits: there.splits };
  const seconds = (performance.now() - begin) / 1000;
  return summarise(source, manifest, { examined: examined.length, wasThere: there !== null, seconds });
}

async function findSource(
  { source: path, options, signal }: ImportRequest,
  skipped: SkippedFiles,
): Promise<ImageSource> {
  const tree = await readFolderTree(path, skipped, signal);
  const chosen = options.classes?.map(normalName) ?? null;
  const found = (await readIdx(tree, skipped)) ?? (await readClassFolders(path, tree, chosen, skipped));
  if (found.isSplit && options.validationSplit !== null) {
    const message = `${path} has splits of its own (${found.layout}): leave --validation-split out`;
    throw new TrainyardError("USAGE", message);
  }
  return chooseClasses(found, chosen, skipped);
}

function refuseRejected({ rejected }: SkippedFiles): void {
  if (rejected.length === 0) return;
  const lines = rejected.slice(0, 20).map(({ source, reason }) => `\n  ${source} ${reason}`);
  const more = rejected.length > 20 ? `\n  and ${rejected.length - 20} more` : "";
  const files = rejected.length === 1 ? "1 file" : `${rejected.length} files`;
  const message = `${files} can't be used, and --on-bad fail says to stop:${lines.join("")}${more}`;
  throw new TrainyardError("INPUT", message);
}

/** Refuses an import under the name of a data set with other content. @throws TrainyardError ALREADY_EXISTS. */
function refuseOther(there: Manifest, hash: string): void {
  if (there.hash === hash) return;
  const { name } = there;
  const images = there.splits.train.samples + there.splits.validation.samples;
  const message =
    `the data set "${name}" is there already with other content (${images} images, hash ${there.hash.slice(0, 12)}); ` +
    "data sets never change: import under another name";
  throw new TrainyardError("ALREADY_EXISTS", message, { fields: { name, hash: there.hash } });
}

/** Everything that a manifest is made of before the shards are written. */
interface PlannedImport extends Pick<ImportRequest, "name" | "options"> {
  readonly format: Manifest["format"];
  readonly source: ImageSource;
  readonly examined: readonly ExaminedImage[];
  readonly plan: ImportPlan;
  readonly skipped: SkippedFiles;
}

/** The manifest without its shards, which are known once they are written. */
function draftManifest({ name, format, options, source, examined, plan, skipped }: PlannedImport): Manifest {
  const split = (of: SplitName) => ({
    samples: plan.splits[of].reduce((sum, shard) => sum + shard.length, 0),
    shards: [],
  });
  const bySize = [...examined].sort((a, b) => a.height * a.width - b.height * b.width || a.height - b.height);
  const size = (at: number): [number, number] => [bySize[at]?.height ?? 0, bySize[at]?.width ?? 0];
  const wrongNames = misnamed(examined);
  return {
    format,
    name,
    hash: plan.hash,
    classes: [...plan.classes],
    splits: { train: split("train"), validation: split("validation") },
    counts: { train: plan.counts.train, validation: plan.counts.validation },
    sizes: { smallest: size(0), median: size(bySize.length >> 1), largest: size(bySize.length - 1) },
    grey: examined.every(({ isGrey }) => isGrey),
    formats: countFormats(examined),
    options: { ...options, layout: source.layout },
    rejected: skipped.rejected,
    ignored: Object.fromEntries(skipped.ignored),
    warnings: [...source.warnings, ...plan.warnings, ...(wrongNames === null ? [] : [wrongNames])],
  };
}

/** Writes shards, report page and manifest to the store, in this order. */
async function write(
  { store, name, signal, onProgress }: ImportRequest,
  plan: ImportPlan,
  draft: Manifest,
  examined: readonly ExaminedImage[],
): Promise<Manifest> {
  const options = signal === undefined ? {} : { signal };
  const onDone = (done: number, total: number) => onProgress?.({ phase: "store", done, total });
  const splits = await writeShards(store, name, plan, { onDone, signal });
  const manifest = Manifest.parse({ ...draft, splits });
  const page = renderReport(manifest, await makeThumbnails(examined), adviceFor(manifest));
  await store.put(reportKey(name), Buffer.from(page), {
    contentType: "text/html; charset=utf-8",
    ...options,
  });
  const json = Buffer.from(JSON.stringify(manifest));
  await store.put(manifestKey(name), json, {
    ifNoneMatch: true,
    contentType: "application/json",
    ...options,
  });
  return manifest;
}

/** Side of the models' default input. */
const defaultSide = 64;

function adviceFor({ sizes }: Manifest): string[] {
  const side = Math.min(...sizes.median);
  if (side <= 2 * defaultSide) return [];
  return [
    `half of the images have ${side} pixels a side or more: train with --resize area, which looks at every ` +
      `pixel (nearest, the default as in Keras, at one in ${Math.round((side / defaultSide) ** 2)} for ${defaultSide}x${defaultSide})`,
  ];
}

function summarise(
  { layout }: ImageSource,
  manifest: Manifest,
  { examined, wasThere, seconds }: { examined: number; wasThere: boolean; seconds: number },
): ImportReport {
  const { name, hash, classes, counts, rejected, ignored, warnings, formats, sizes, grey, splits } = manifest;
  const shards = [...splits.train.shards, ...splits.validation.shards];
  const ignoredFiles = Object.values(ignored).reduce((sum, files) => sum + files, 0);
  return {
    name,
    hash,
    wasThere,
    layout,
    classes,
    counts,
    files: examined + rejected.length + ignoredFiles,
    accepted: examined,
    rejected,
    ignored,
    warnings,
    formats: formats ?? {},
    advice: adviceFor(manifest),
    sizes,
    grey,
    shards: shards.length,
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    seconds,
    reportKey: reportKey(name),
  };
}
