/** `trainyard datasets list|show`: what is in the store. Reads manifests; changes nothing. */
import type { Argv, CommandModule } from "yargs";
import { openDataset } from "../dataset/dataset-reader.js";
import { reportKey } from "../dataset/importing/import-dataset.js";
import type { Manifest } from "../dataset/manifest.js";
import { listDatasets } from "../dataset/manifest-reader.js";
import { manifestSummary } from "./import-summary.js";
import { type GlobalOptions, jsonOption } from "./options.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type Common = GlobalOptions & { json: boolean };

const list: CommandModule<Common, Common> = {
  command: "list",
  describe: "List the data sets of the store",
  handler: (args) => withSignals((signal) => runList(args, signal)),
};

const show: CommandModule<Common, Common & { name: string }> = {
  command: "show <name>",
  describe: "Show a data set's classes, counts and what its import left out",
  builder: (parser) =>
    parser.positional("name", { type: "string", demandOption: true, describe: "Name of the data set" }),
  handler: (args) => withSignals((signal) => runShow(args, signal)),
};

export const command: CommandModule<GlobalOptions, Common> = {
  command: "datasets <action>",
  describe: "List and show data sets",
  builder: (parser: Argv<GlobalOptions>) =>
    parser
      .option("json", jsonOption)
      .command(list)
      .command(show)
      .demandCommand(1, "say what to do: datasets list, or datasets show NAME")
      .example("$0 datasets list", "every data set with its classes and counts")
      .example("$0 datasets show faces --json", "for scripts"),
  handler: () => undefined,
};

async function runList({ store: url, json }: Common, signal: AbortSignal): Promise<void> {
  const store = await openUserStore(url, signal, { create: false });
  const manifests: Manifest[] = [];
  for (const name of await listDatasets(store, signal)) {
    manifests.push((await openDataset(store, name, undefined, { signal })).manifest);
  }
  if (json) process.stdout.write(`${JSON.stringify(manifests.map(brief), null, 2)}\n`);
  else if (manifests.length === 0) process.stdout.write(`no data sets in ${url}\n`);
  else process.stdout.write(manifests.map(listLine).join(""));
}

async function runShow(
  { store: url, json, name }: Common & { name: string },
  signal: AbortSignal,
): Promise<void> {
  const store = await openUserStore(url, signal, { create: false });
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
