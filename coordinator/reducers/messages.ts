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
  /** 0: any free port. */
  readonly port: number;
  /** Null: plain text. */
  readonly tls: ServerFiles | null;
}

export type ToReducer =
  /** A checkpoint's whole vectors, in shared memory, which become the weights version `step`. */
  | { readonly tag: "restore"; readonly step: number; readonly whole: OptimizerVectors }
  | ({ readonly tag: "begin" } & StepBeginning)
  | { readonly tag: "grant"; readonly worker: string; readonly grant: Grant }
  /** What comes for this node is kept, and audits of it compared. */
  | { readonly tag: "watch"; readonly step: number; readonly node: TreeNode }
  /** Asks for `lacks`, unless the slice is whole. */
  | { readonly tag: "findMissingLanes"; readonly step: number; readonly attempt: number }
  | { readonly tag: "apply"; readonly step: number; readonly update: OptimizerStep; readonly exact: boolean }
  | { readonly tag: "skip"; readonly step: number; readonly exact: boolean }
  /** This slice's part is to be copied to its place in whole vectors, in shared memory. */
  | { readonly tag: "snapshot"; readonly id: number; readonly whole: OptimizerVectors }
  /** New connections are met with this one. */
  | { readonly tag: "certificate"; readonly files: ServerFiles }
  /** A worker has come, or left: tickets of this number hold, or are worth nothing. */
  | { readonly tag: "admit" | "dismiss"; readonly admission: number }
  | { readonly tag: "close" };

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
  /** Lanes of which it has nothing. */
  | {
      readonly tag: "lacks";
      readonly step: number;
      readonly attempt: number;
      readonly lanes: readonly number[];
    }
  /** It was. */
  | { readonly tag: "snapshot"; readonly id: number }
  | { readonly tag: "traffic"; readonly bytesIn: number; readonly bytesOut: number }
  | { readonly tag: "refused"; readonly reason: string }
  | { readonly tag: "broken"; readonly message: string };
