/**
 * What a worker may do in an S3 store, as a session policy: it limits the short-lived keys that the coordinator asks for
 * (worker-keys.ts). A worker never lists, never deletes, and writes nothing but an export that it was asked for.
 */
import { TrainyardError } from "../errors.js";
import { runKey } from "../spec.js";
import type { S3Location } from "./s3-location.js";

/** What a worker's keys are for. */
export interface WorkerAccess {
  readonly run: string;
  /** Name of the run's data set. */
  readonly dataset: string;
  /** The worker was asked for the run's export. */
  readonly mayExport: boolean;
}

/** A session policy as JSON text, in the form of AWS and MinIO. Errors: USAGE when the store's prefix can't be named in one. */
export function workerPolicy(
  { bucket, prefix, url }: Pick<S3Location, "bucket" | "prefix" | "url">,
  { run, dataset, mayExport }: WorkerAccess,
): string {
  if (/[*?$]/.test(prefix)) {
    throw new TrainyardError("USAGE", `a policy can't name the prefix of ${url}: it has *, ? or $ in it`);
  }
  const objects = (key: string) => `arn:aws:s3:::${bucket}/${prefix}${key}`;
  const reads = [`datasets/${dataset}/*`, runKey(run, "*")];
  const writes = [runKey(run, "export/*"), runKey(run, "published/*/export/*")];
  const allow = (actions: readonly string[], keys: readonly string[]) => ({
    Effect: "Allow",
    Action: actions.map((action) => `s3:${action}`),
    Resource: keys.map(objects),
  });
  const statements = [
    allow(["GetObject"], reads),
    ...(mayExport ? [allow(["PutObject", "AbortMultipartUpload"], writes)] : []),
  ];
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}
