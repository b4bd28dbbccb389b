/** Imports a folder of images as a data set, for a program or for `trainyard import`. */
import { basename, resolve } from "node:path";
import {
  type ImportProgress,
  type ImportReport,
  importDataset as importInto,
} from "../dataset/importing/import-dataset.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import { readProgramOptions } from "../shared/settings/program-options.js";
import { type CommonOptions, openGivenStore } from "./common-options.js";
import { withInterruption } from "./interruption.js";

export interface ImportDatasetOptions extends CommonOptions {
  /** A folder of class folders, of `train/` and `validation/`, or of IDX files. */
  readonly path: string;
  /** Name of the data set. Default: the folder's name. */
  readonly name?: string | undefined;
  /** Classes in label order; others are left out. Default: all, by name. */
  readonly classes?: readonly string[] | undefined;
  /** Share of each class for validation, above 0 and below 1, when the folder has no `validation/`. Default: 0.2. */
  readonly validationSplit?: number | undefined;
  /** Seed of that split and of the shuffle across shards: a whole number below 2^32. Default: 1. */
  readonly splitSeed?: number | undefined;
  /** A file that can't be used is skipped and listed, or the import fails. Default: `skip`. */
  readonly onBad?: "skip" | "fail" | undefined;
  /** Called as files are examined and samples are stored. */
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

/** What an import found, and the store that has the data set. */
export interface ImportedDataset extends ImportReport {
  /** The store's address, with the whole path of a folder. */
  readonly storeUrl: string;
}

const { json: _, ...settings } = commandSettings.import;

/**
 * Imports a folder of images as a data set into the store and returns what was found. The folder is only read. The same
 * content under the same name again changes nothing (`wasThere`). Errors: USAGE for an option, INPUT for the folder,
 * ALREADY_EXISTS when the name has other content, INTERRUPTED, the store's.
 */
export async function importDataset(options: ImportDatasetOptions): Promise<ImportedDataset> {
  const { store, signal, onNotice, onProgress, ...given } = options;
  const { flags } = readProgramOptions(settings, given);
  return await withInterruption(signal, async (ours) => {
    const opened = await openGivenStore({ store, onNotice }, ours, "create");
    const report = await importInto({
      source: options.path,
      name: flags.name ?? basename(resolve(options.path)),
      store: opened,
      options: {
        classes: flags.classes ?? null,
        validationSplit: flags.validationSplit ?? null,
        splitSeed: flags.splitSeed,
        onBad: flags.onBad,
      },
      signal: ours,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    return { ...report, storeUrl: opened.url };
  });
}
