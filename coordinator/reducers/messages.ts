/** What the coordinator's main thread and a reducer thread say to each other. */
import type { ServerFiles } from "../../shared/security/tls-files.js";
import type { TreeNode } from "../../shared/tree.js";
import type { Grant, SliceReport } from "../core/work.js";
import type { OptimizerVectors } from "../optimizers/optimizer.js";
import type { OptimizerStep } from "../optimizers/registry.js";
import type { SliceIdentity } from "./server.js";
import type { SliceRange } from "./slices.js";
import type { StepBeginning } from "./step-partials.js";

/** workerData of a reducer thread. */
export interface ReducerOptions {
  readonly range: SliceRange;
  readonly identity: SliceIdentity;
  readonly host: string;
  /** Port to listen on; 0: any free port. */
  readonly port: number;
  /** Certificate of the tensor server; null: it speaks plain text. */
  readonly tls: ServerFiles | null;
}

/** From the coordinator's main thread to a reducer. Messages are carried out in order. */
export type ToReducer =
  /** A checkpoint's whole vectors, in shared memory, which become the weights version `step`. */
  | { readonly tag: "restore"; readonly step: number; readonly whole: OptimizerVectors }
  | ({ readonly tag: "begin" } & StepBeginning)
  | { readonly tag: "grant"; readonly worker: string; readonly grant: Grant }
  /** Keep what arrives for this node, and compare audits with it. */
  | { readonly tag: "watch"; readonly step: number; readonly node: TreeNode }
  /** Asks which lanes have not arrived; `lacks` is the answer, unless none is missing. */
  | { readonly tag: "findMissingLanes"; readonly step: number; readonly attempt: number }
  | { readonly tag: "apply"; readonly step: number; readonly update: OptimizerStep; readonly exact: boolean }
  | { readonly tag: "skip"; readonly step: number; readonly exact: boolean }
  /** Copy this slice's part to its place in whole vectors, which lie in shared memory. */
  | { readonly tag: "snapshot"; readonly id: number; readonly whole: OptimizerVectors }
  /** The certificate was renewed: use this one for new connections. */
  | { readonly tag: "certificate"; readonly files: ServerFiles }
  /** A worker was admitted to the run, or has left: its tickets are valid, or not any more. */
  | { readonly tag: "admit" | "dismiss"; readonly admission: number }
  | { readonly tag: "close" };

/** From a reducer to the coordinator's main thread. */
export type FromReducer =
  | { readonly tag: "listening"; readonly port: number }
  | { readonly tag: "loaded" }
  | { readonly tag: "whole"; readonly step: number; readonly report: SliceReport }
  | { readonly tag: "committed"; readonly step: number; readonly checksum: number }
  | {
      readonly tag: "compared";
      readonly step: number;
      readonly node: TreeNode;
      readonly worker: string;
      readonly agrees: readonly string[];
      readonly differs: readonly string[];
    }
  /** Lanes from which nothing has arrived in this attempt. */
  | {
      readonly tag: "lacks";
      readonly step: number;
      readonly attempt: number;
      readonly lanes: readonly number[];
    }
  /** The snapshot of this id is copied. */
  | { readonly tag: "snapshot"; readonly id: number; readonly hasNonFinite: boolean }
  | { readonly tag: "traffic"; readonly bytesIn: number; readonly bytesOut: number }
  | { readonly tag: "refused"; readonly reason: string }
  | { readonly tag: "broken"; readonly message: string };
