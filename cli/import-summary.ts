/** What an import and `datasets show` print for a person: classes, counts, what was left out, where the report is. */
import { resolve } from "node:path";
import type { ImportReport } from "../dataset/importing/import-dataset.js";
import type { Manifest } from "../dataset/manifest.js";

/** Rejected files and classes beyond this are counted, not listed. */
const mostLines = 20;

/** The report of an import, ending in a line break. */
export function importSummary(report: ImportReport, storeUrl: string): string {
  const { name, layout, files, accepted, rejected, seconds, hash } = report;
  const did = report.wasThere
    ? "was imported before, with the same content"
    : `imported in ${seconds.toFixed(1)} s`;
  const ignored = Object.values(report.ignored).reduce((sum, count) => sum + count, 0);
  return lines([
    `data set ${name} ${did} (${layout})`,
    "",
    ...classLines(report),
    "",
    `  ${files} files = ${accepted} images + ${rejected.length} rejected + ${ignored} ignored`,
    ...leftOutLines(report),
    ...report.advice.map((sentence) => `advice: ${sentence}`),
    `hash   ${hash}`,
    `report ${placeOf(storeUrl, report.reportKey)}`,
    `next   trainyard train ${name}`,
  ]);
}

/** A data set in the store, ending in a line break. */
export function manifestSummary(manifest: Manifest, storeUrl: string, reportKey: string): string {
  const shards = [...manifest.splits.train.shards, ...manifest.splits.validation.shards];
  const megabytes = shards.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const [smallest, median, largest] = [
    manifest.sizes.smallest,
    manifest.sizes.median,
    manifest.sizes.largest,
  ].map(([height, width]) => `${width}x${height}`);
  return lines([
    `data set ${manifest.name}, ${manifest.grey ? "grey" : "colour"}, ${megabytes.toFixed(1)} MB in ${shards.length} shards`,
    "",
    ...classLines(manifest),
    "",
    `sizes  smallest ${smallest}, median ${median}, largest ${largest} (width x height)`,
    ...leftOutLines(manifest),
    `hash   ${manifest.hash}`,
    `report ${placeOf(storeUrl, reportKey)}`,
  ]);
}

type Counted = Pick<ImportReport, "classes" | "counts">;

function classLines({ classes, counts }: Counted): string[] {
  const total = (split: readonly number[]) => split.reduce((sum, count) => sum + count, 0);
  const rows = classes
    .slice(0, mostLines)
    .map((name, label) => row(name, counts.train[label] ?? 0, counts.validation[label] ?? 0));
  const more = classes.length - rows.length;
  const rest = more > 0 ? [`  and ${more} more classes`] : [];
  const head = `  ${"class".padEnd(24)} training  validation`;
  return [head, ...rows, ...rest, row("all", total(counts.train), total(counts.validation))];
}

const row = (name: string, train: number, validation: number) =>
  `  ${name.padEnd(24)} ${String(train).padStart(8)}  ${String(validation).padStart(10)}`;

function leftOutLines({
  rejected,
  ignored,
  warnings,
}: Pick<ImportReport, "rejected" | "ignored" | "warnings">): string[] {
  const listed = rejected.slice(0, mostLines).map(({ source, reason }) => `  rejected: ${source} ${reason}`);
  const more = rejected.length - listed.length;
  return [
    ...listed,
    ...(more > 0 ? [`  and ${more} more rejected files, all in the report`] : []),
    ...Object.entries(ignored).map(([reason, count]) => `  ignored: ${count} x ${reason}`),
    ...warnings.map((sentence) => `warning: ${sentence}`),
  ];
}

/** A path for the embedded store, an address for others. */
function placeOf(storeUrl: string, key: string): string {
  const folder = /^file:(?:\/\/)?(.*)$/.exec(storeUrl)?.[1];
  return folder === undefined ? `${storeUrl}/${key}` : resolve(folder, key);
}

/** Names come from the disk: control characters could move the terminal's cursor. */
const lines = (all: readonly string[]) =>
  all.map((line) => `${line.replace(/\p{Cc}/gu, "\ufffd")}\n`).join("");
