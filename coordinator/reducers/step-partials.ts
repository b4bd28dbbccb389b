/**
 * One attempt at a step as a slice sees it: whose partials count, their sum along the tree, and the copies that audits
 * are compared with. Another attempt is another object, so nothing of an earlier one can get in.
 */
import type { TreeNode } from "../../shared/tree.js";
import { TreeSum } from "../../shared/tree-sum.js";
import type { SliceReport } from "../core/work.js";
import { blockSumsOfSquares } from "./slices.js";
import { type Comparison, WatchedNodes } from "./watched-nodes.js";

/** How the core begins a step, or begins it again. */
export interface StepBeginning {
  readonly step: number;
  /** From 0; a step may be begun again. Partials of another attempt are stale. */
  readonly attempt: number;
  /** Lanes that have samples. */
  readonly present: readonly number[];
  /** Workers whose partials are not taken. */
  readonly banned: readonly string[];
}

/** What an upload says that it is. */
export interface Claim {
  readonly step: number;
  readonly attempt: number;
  readonly node: TreeNode;
  /** AUDIT: compared, never added. */
  readonly kind: "GRADIENT" | "AUDIT";
  readonly worker: string;
}

export type Verdict = "wanted" | "dropped" | "stale";

/** What became of a whole partial. */
export interface Taken {
  readonly verdict: Verdict;
  /** Of the root, when this partial completed it. */
  readonly report: SliceReport | null;
  readonly comparison: Comparison | null;
}

export class StepPartials {
  readonly step: number;
  readonly attempt: number;
  readonly #banned: ReadonlySet<string>;
  readonly #tolerance: number;
  #tree: TreeSum | undefined;
  #watched: WatchedNodes;

  constructor(lanes: number, tolerance: number, { step, attempt, present, banned }: StepBeginning) {
    this.step = step;
    this.attempt = attempt;
    this.#banned = new Set(banned);
    this.#tolerance = tolerance;
    this.#tree = new TreeSum(lanes, new Set(present));
    this.#watched = new WatchedNodes(tolerance);
  }

  /** Asked before memory is taken for an upload, and again when it is whole. Throws on a node that the tree lacks. */
  judge({ step, attempt, node, kind, worker }: Claim): Verdict {
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
    if (verdict !== "wanted") return { verdict, report: null, comparison: null };
    const { node, kind, worker } = claim;
    if (kind === "AUDIT")
      return { verdict, report: null, comparison: this.#watched.keep(node, worker, values) };
    // The tree adds into what it is given, so the copy is made before.
    const comparison = this.#watched.has(node) ? this.#watched.keep(node, worker, values.slice()) : null;
    this.#tree?.add(node, values);
    const root = this.root;
    return { verdict, report: root === undefined ? null : blockSumsOfSquares(root), comparison };
  }

  /** The step's sum, once every present lane is in it. */
  get root(): Float32Array | undefined {
    return this.#tree?.root;
  }

  /** The step is decided: frees the sums; what still comes for it is dropped. */
  end(): void {
    this.#tree = undefined;
    this.#watched = new WatchedNodes(this.#tolerance);
  }
}
