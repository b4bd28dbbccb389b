/**
 * One attempt at a step as a slice sees it: whose partials count, their sum along the tree, and the copies that audits
 * are compared with. Another attempt is another object, so nothing of an earlier one can get in.
 */

import type { BlockSums } from "../../shared/kernels/kernels.js";
import type { SimdVectors } from "../../shared/kernels/simd.js";
import type { RunSpec } from "../../shared/spec.js";
import type { TreeNode } from "../../shared/tree.js";
import { arithmeticOf, TreeSum } from "../../shared/tree-sum.js";
import { type Comparison, WatchedNodes } from "./audited-nodes.js";
import type { Occupancy } from "./partial-room.js";

/** How the core begins a step, or begins it again. */
export interface StepBeginning {
  readonly step: number;
  /** Counts from 0: a step may be begun again. Partials of another attempt are stale. */
  readonly attempt: number;
  /** Lanes that have samples. */
  readonly present: readonly number[];
  /** Workers whose partials are not taken. */
  readonly banned: readonly string[];
}

/** What an upload says about itself. */
export interface Claim {
  readonly step: number;
  readonly attempt: number;
  readonly node: TreeNode;
  /** AUDIT: compared, never added. */
  readonly kind: "GRADIENT" | "AUDIT";
  readonly worker: string;
}

/**
 * What the sum along the tree makes of a partial: it is `wanted`; it is `dropped` because the sum has it or part of it
 * already; or it is `stale` because of its step, attempt or banned worker, or as an audit of a node that is not watched.
 */
export type SumVerdict = "wanted" | "dropped" | "stale";

/** What a whole partial led to. */
export interface Taken {
  readonly verdict: SumVerdict;
  /** What was found in the sum, when this partial completed it; else null. */
  readonly root: BlockSums | null;
  readonly comparison: Comparison | null;
}

/** What all steps of a slice have in common. */
export interface PartialsPlace {
  readonly lanes: number;
  /** How far apart two workers' sums of one node may be; 0 = not a bit. */
  readonly tolerance: number;
  readonly wire: RunSpec["wire"];
  /** Where every vector here lies. */
  readonly vectors: SimdVectors;
}

export class StepPartials {
  readonly step: number;
  readonly attempt: number;
  readonly #present: readonly number[];
  readonly #banned: ReadonlySet<string>;
  readonly #vectors: SimdVectors;
  #tree: TreeSum | undefined;
  readonly #watched: WatchedNodes;

  constructor(place: PartialsPlace, { step, attempt, present, banned }: StepBeginning) {
    const { lanes, tolerance, wire, vectors } = place;
    const release = (vector: Float32Array) => vectors.release(vector);
    this.step = step;
    this.attempt = attempt;
    this.#present = present;
    this.#banned = new Set(banned);
    this.#vectors = vectors;
    // A leaf that came over the wire is what the wire carries: rounded.
    const arithmetic = { ...arithmeticOf(wire, vectors.kernels, release), toLeaf: () => undefined };
    this.#tree = new TreeSum(lanes, new Set(present), arithmetic);
    this.#watched = new WatchedNodes(tolerance, release);
  }

  /** Asked before memory is taken for an upload, and again when it is whole. Throws on a node that the tree lacks. */
  judge({ step, attempt, node, kind, worker }: Claim): SumVerdict {
    if (step !== this.step || attempt !== this.attempt || this.#banned.has(worker)) return "stale";
    if (kind === "GRADIENT") return this.#tree?.isWanted(node) === true ? "wanted" : "dropped";
    if (!this.#watched.has(node)) return "stale";
    return this.#watched.isRoomFor(node, worker) ? "wanted" : "dropped";
  }

  /** Keeps what comes for this node from now on, to compare it with audits of it. */
  watch(node: TreeNode): void {
    this.#watched.watch(node);
  }

  /** Takes a whole partial (owned from here on), if it is wanted. */
  take(claim: Claim, values: Float32Array): Taken {
    const verdict = this.judge(claim);
    if (verdict !== "wanted") {
      this.#vectors.release(values);
      return { verdict, root: null, comparison: null };
    }
    const { node, kind, worker } = claim;
    if (kind === "AUDIT")
      return { verdict, root: null, comparison: this.#watched.keep(node, worker, values) };
    // The tree adds into what it is given, so the copy is made before.
    const comparison = this.#watched.has(node) ? this.#watched.keep(node, worker, this.#copy(values)) : null;
    this.#tree?.add(node, values);
    const { root } = this;
    const found = root === undefined ? null : this.#vectors.kernels.blockSumsOfSquares(root);
    return { verdict, root: found, comparison };
  }

  #copy(values: Float32Array): Float32Array {
    const copy = this.#vectors.allocate();
    copy.set(values);
    return copy;
  }

  /** The nodes that the sum keeps, and the lanes that have samples. */
  get occupancy(): Pick<Occupancy, "kept" | "present"> {
    return { kept: this.#tree?.parts.map(({ node }) => node) ?? [], present: this.#present };
  }

  /** The step's sum, once every present lane is in it. */
  get root(): Float32Array | undefined {
    return this.#tree?.root;
  }

  /** Ends the attempt and gives every vector back. Partials that still arrive for it are dropped. */
  end(): void {
    this.#tree?.clear();
    this.#tree = undefined;
    this.#watched.clear();
  }
}
