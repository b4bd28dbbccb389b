/** What the measurement of an exchange and its threads say to each other. */
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import type { Wire } from "../shared/grpc/wire.js";
import type { TreeNode } from "../shared/tree.js";

/** workerData of a thread that stands for a worker. */
export interface ExchangeWorkerOptions {
  readonly worker: string;
  readonly slices: readonly SliceEndpoint[];
  readonly wire: Wire;
}

export type ToExchangeWorker =
  | { readonly tag: "send"; readonly step: number; readonly node: TreeNode }
  | { readonly tag: "receive"; readonly step: number }
  | { readonly tag: "close" };

export type FromExchangeWorker =
  | { readonly tag: "sent" }
  | { readonly tag: "received" }
  | { readonly tag: "broken"; readonly message: string };

export const exchangeRun = { run: "plan", generation: 1 } as const;
export const loopback = "127.0.0.1";
