/**
 * Loads tfjs-node on the TensorFlow library that `trainyard setup` laid in the cache. The only place that
 * knows of the binding, its environment variables, and what tfjs-node needs of newer Nodes.
 */
import { createRequire } from "node:module";

export type TensorFlow = typeof import("@tensorflow/tfjs-node-gpu");

export interface NativeOptions {
  readonly intraOpThreads: number;
  readonly oneDnn: boolean;
}

export function loadTensorFlow(options: NativeOptions): TensorFlow {
  process.env["TF_NUM_INTRAOP_THREADS"] ??= String(options.intraOpThreads);
  process.env["TF_ENABLE_ONEDNN_OPTS"] ??= options.oneDnn ? "1" : "0";
  const require = createRequire(import.meta.url);
  return require("@tensorflow/tfjs-node-gpu") as TensorFlow;
}
