/** Writes what a finished run leaves behind: curve, report, and last of all result.json. Published once. */
import { renderReport } from "../dashboard/report.js";
import type { Manifest } from "../dataset/manifest.js";
import { type Curve, epochsToCsv, stepsToCsv, toJson } from "../shared/curve.js";
import { TrainyardError } from "../shared/errors.js";
import type { RunResult } from "../shared/result.js";
import { type RunSpec, runKey } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";

export interface Publication {
  readonly spec: RunSpec;
  readonly manifest: Manifest;
  readonly curve: Curve;
  readonly result: RunResult;
}

/** Errors: the store's. What is already published is left as it is. */
export async function publishResult(store: ObjectStore, publication: Publication): Promise<void> {
  const { spec, curve, result } = publication;
  const files: [string, string, string][] = [
    ["curve.json", "application/json", toJson(curve)],
    ["curve.csv", "text/csv", epochsToCsv(curve)],
    ["curve-steps.csv", "text/csv", stepsToCsv(curve)],
    ["report.html", "text/html; charset=utf-8", renderReport(publication)],
    ["result.json", "application/json", `${JSON.stringify(result, null, 2)}\n`],
  ];
  for (const [name, contentType, text] of files) {
    await putOnce(store, runKey(spec.run, name), text, contentType);
  }
}

async function putOnce(store: ObjectStore, key: string, text: string, contentType: string): Promise<void> {
  try {
    await store.put(key, Buffer.from(text), { ifNoneMatch: true, contentType });
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === "ALREADY_EXISTS")) throw error;
  }
}
