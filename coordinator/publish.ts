/**
 * Writes what a finished run leaves behind: curve, report, result.json, and last of all the record that closes the run.
 * Published once: where a former coordinator put something else, this one's goes beside it as a whole.
 */
import { renderReport } from "../dashboard/report.js";
import type { Clock } from "../shared/clock.js";
import { type Curve, epochsToCsv, stepsToCsv, toJson } from "../shared/curve.js";
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
  readonly curve: Curve;
  readonly result: RunResult;
}

/** What publishing needs. */
export interface PublishOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** Closes the run with what lies in this folder (coordinator/ownership). */
  readonly finish: (folder: string) => Promise<void>;
}

/** Publishes a finished run and closes it, through outages of the store. Existing objects stay as they are. Errors: FENCED, the store's. */
export async function publishRun(options: PublishOptions, papers: RunPapers): Promise<void> {
  await retryThroughOutages({ what: "the result", ...options }, async () => {
    await options.finish(await publishPapers(options.store, papers));
  });
}

/** Writes the files of the result. Returns their folder below `runs/<run>/`. Repeating it changes nothing. Errors: the store's. */
export async function publishPapers(store: ObjectStore, papers: RunPapers): Promise<string> {
  const own = ownFolder(papers.result.generation);
  for (const folder of ["", own]) if (await putAll(store, papers, folder)) return folder;
  throw new TrainyardError("DAMAGED", `something else than the result of the run lies in ${own}`);
}

/** Writes all files into one folder. False when a different file of another generation is there. */
async function putAll(store: ObjectStore, papers: RunPapers, folder: string): Promise<boolean> {
  const { spec, curve, result } = papers;
  const files: [string, string, Uint8Array][] = [
    ["curve.json", "application/json", Buffer.from(toJson(curve))],
    ["curve.csv", "text/csv", Buffer.from(epochsToCsv(curve))],
    ["curve-steps.csv", "text/csv", Buffer.from(stepsToCsv(curve))],
    ["report.html", "text/html; charset=utf-8", Buffer.from(renderReport({ ...papers, folder }))],
    ["result.json", "application/json", encodeDocument(result)],
  ];
  for (const [name, contentType, bytes] of files) {
    if ((await putOnce(store, publishedKey(spec.run, folder, name), bytes, { contentType })) === "other")
      return false;
  }
  return true;
}
