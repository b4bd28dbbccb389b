/**
 * Where the real parts that tests compare with or run against lie. `npm test` installs them; a test takes the
 * path from here and needs no check of its own. Missing ones are a clear error of the first test that uses one.
 */
import { existsSync } from "node:fs";
import { findProgram } from "../../engine/native/setup/run-program.mjs";
import * as paths from "./setup/paths.mjs";

/** Python with real Keras 3.15, TensorFlow 2.21, Pillow, scipy, numpy and h5py. */
export function kerasPython(): string {
  return existing(paths.kerasPython);
}

/** The MinIO server. */
export function minioBinary(): string {
  return existing(paths.minioBinary);
}

/** Prometheus' checker of metrics and configuration files. */
export function promtool(): string {
  return existing(findProgram("promtool") ?? "promtool");
}

/** The server, of the same package. */
export function prometheus(): string {
  return existing(findProgram("prometheus") ?? "prometheus");
}

export function chromium(): string {
  return existing(findProgram("chromium") ?? "chromium");
}

function existing(path: string): string {
  if (existsSync(path)) return path;
  throw new Error(`${path} is not there; npm test installs it`);
}
