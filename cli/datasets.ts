/** `trainyard datasets list|show`: what is in the store. Reads manifests; changes nothing. */
import { openDataset } from "../dataset/dataset-reader.js";
import { reportKey } from "../dataset/importing/import-dataset.js";
import type { Manifest } from "../dataset/manifest.js";
import { listDatasets } from "../dataset/manifest-reader.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand, defineParent } from "./command.js";
import { manifestSummary } from "./import-summary.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type ListFlags = FlagsOf<(typeof commandSettings)["datasets list"]> & GlobalFlags;
type ShowFlags = FlagsOf<(typeof commandSettings)["datasets show"]> & GlobalFlags;

const list = defineCommand({
  name: "list",
  describe: "List the data sets of the store",
  settings: commandSettings["datasets list"],
  examples: [["$0 datasets list", "every data set with its classes and counts"]],
  run: (flags) => withSignals((signal) => runList(flags, signal)),
});

const show = defineCommand({
  name: "show",
  describe: "Show a data set's classes, counts and what its import left out",
  settings: commandSettings["datasets show"],
  examples: [["$0 datasets show faces --json", "for scripts"]],
  run: (flags) => withSignals((signal) => runShow(flags, signal)),
});

export const command = defineParent({
  name: "datasets",
  describe: "List and show data sets",
  subcommands: [list, show],
  examples: [
    ["$0 datasets list", "every data set with its classes and counts"],
    ["$0 datasets show faces --json", "for scripts"],
  ],
});

async function runList({ store: url, json }: ListFlags, signal: AbortSignal): Promise<void> {
  const store = await openUserStore(url, signal, "read");
  const manifests: Manifest[] = [];
  for (const name of await listDatasets(store, signal)) {
    manifests.push((await openDataset(store, name, undefined, { signal })).manifest);
  }
  if (json) process.stdout.write(`${JSON.stringify(manifests.map(brief), null, 2)}\n`);
  else if (manifests.length === 0) process.stdout.write(`no data sets in ${url}\n`);
  else process.stdout.write(manifests.map(listLine).join(""));
}

async function runShow({ store: url, json, name }: ShowFlags, signal: AbortSignal): Promise<void> {
  const store = await openUserStore(url, signal, "read");
  const { manifest } = await openDataset(store, name, undefined, { signal });
  if (json) process.stdout.write(`${JSON.stringify(brief(manifest), null, 2)}\n`);
  else process.stdout.write(manifestSummary(manifest, store.url, reportKey(name)));
}

/** The manifest without its samples. */
function brief({ splits, ...rest }: Manifest) {
  const { train, validation } = splits;
  return { ...rest, samples: { train: train.samples, validation: validation.samples } };
}

function listLine({ name, classes, splits, hash }: Manifest): string {
  const some = `${classes.slice(0, 6).join(", ")}${classes.length > 6 ? ", …" : ""}`;
  const counts = `${splits.train.samples} + ${splits.validation.samples} images`;
  return `${name.padEnd(20)} ${counts.padEnd(24)} ${classes.length} classes (${some})  ${hash.slice(0, 12)}\n`;
}
