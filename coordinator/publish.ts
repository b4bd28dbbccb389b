/**
 * Writes what a finished run leaves behind: curve, report, result.json, and last of all the record that closes the run.
 * Published once: where a former coordinator put something else, this one's goes beside it as a whole.
 */
import type { ChartData } from "../dashboard/chart-data.js";
import { renderReport } from "../dashboard/report.js";
import type { Clock } from "../shared/clock.js";
import { inTurns } from "../shared/concurrency.js";
import { type CurveRows, epochsCsvPieces, jsonPieces, stepsCsvPieces } from "../shared/curve.js";
import { TrainyardError } from "../shared/errors.js";
import type { Logger } from "../shared/log.js";
import { ownFolder, publishedKey } from "../shared/publication.js";
import type { RunResult } from "../shared/result.js";
import type { RunSpec } from "../shared/spec.js";
import { encodeDocument } from "../shared/store/document.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { putOnce } from "../shared/store/put-once.js";
import { retryThroughOutages } from "./store-outages.js";

/** What a finished run publishes. */
export interface RunPapers {
  readonly spec: RunSpec;
  readonly curve: CurveRows;
  readonly charts: ChartData;
  readonly result: RunResult;
}

/** What publishing needs. */
export interface PublishOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** Called with the reason when something could not be written and is tried again. */
  readonly onRetry?: (reason: string) => void;
  /** Closes the run with what lies in this folder (coordinator/ownership). */
  readonly finish: (folder: string) => Promise<void>;
}

/** Publishes a finished run and closes it, through outages of the store. Existing objects stay as they are. Errors: FENCED, the store's. */
export async function publishRun(options: PublishOptions, papers: RunPapers): Promise<void> {
  await retryThroughOutages({ what: "the result", ...options }, async () => {
    await options.finish(await publishPapers(options, papers));
  });
}

/** Writes the files of the result. Returns their folder below `runs/<run>/`. Repeating it changes nothing. Errors: the store's. */
export async function publishPapers(
  options: Pick<PublishOptions, "store" | "clock">,
  papers: RunPapers,
): Promise<string> {
  const own = ownFolder(papers.result.generation);
  for (const folder of ["", own]) if (await putAll(options, papers, folder)) return folder;
  throw new TrainyardError("DAMAGED", `something else than the result of the run lies in ${own}`);
}

/** Writes all files into one folder. False when a different file of another generation is there. */
async function putAll(
  { store, clock }: Pick<PublishOptions, "store" | "clock">,
  papers: RunPapers,
  folder: string,
): Promise<boolean> {
  const { spec, curve, result } = papers;
  const files: [string, string, () => Promise<Uint8Array>][] = [
    ["curve.json", "application/json", () => encoded(jsonPieces(curve), clock)],
    ["curve.csv", "text/csv", () => encoded(epochsCsvPieces(curve), clock)],
    ["curve-steps.csv", "text/csv", () => encoded(stepsCsvPieces(curve), clock)],
    ["report.html", "text/html; charset=utf-8", async () => Buffer.from(renderReport({ ...papers, folder }))],
    ["result.json", "application/json", async () => encodeDocument(result)],
  ];
  for (const [name, contentType, encode] of files) {
    const key = publishedKey(spec.run, folder, name);
    if ((await putOnce(store, key, await encode(), { contentType })) === "other") return false;
  }
  return true;
}

/** Rows that are encoded in one turn: two milliseconds. */
const rowsPerTurn = 256;

/** A long curve takes seconds to encode: heartbeats are heard meanwhile. */
async function encoded(pieces: Iterable<string>, clock: Clock): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const text of inTurns(pieces, rowsPerTurn, clock)) parts.push(Buffer.from(text.join("")));
  return Buffer.concat(parts);
}
