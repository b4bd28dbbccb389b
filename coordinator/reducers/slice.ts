/** One slice of the run's vectors and the step under way on it. Knows nothing of threads or sockets. */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { TreeNode } from "../../shared/tree.js";
import { TreeSum } from "../../shared/tree-sum.js";
import type { AdamStep } from "../core/optimizer.js";
import type { SliceReport } from "../core/state.js";
import { applyAdam, type SliceMoments } from "./adam.js";
import { blockSumsOfSquares, type SliceRange } from "./slices.js";

/** One weights version of a slice, encoded once for all workers; never changed after it was made. */
export interface WeightsVersion {
  readonly step: number;
  readonly bytes: Buffer;
  readonly crc32c: number;
}

export class ReducedSlice {
  readonly range: SliceRange;
  readonly #lanes: number;
  #moments: SliceMoments | undefined;
  #step = -1;
  #partials: TreeSum | undefined;
  #version: WeightsVersion | undefined;

  constructor(range: SliceRange, lanes: number) {
    this.range = range;
    this.#lanes = lanes;
  }

  get length(): number {
    return this.range.end - this.range.begin;
  }

  /** The step whose partials are taken; -1 before the first. */
  get step(): number {
    return this.#step;
  }

  get version(): WeightsVersion | undefined {
    return this.#version;
  }

  /** Sets weights (owned from here on) with fresh moments. False: there were some already. */
  load(weights: Float32Array): boolean {
    if (this.#moments !== undefined) return false;
    this.#moments = { weights, m: new Float32Array(weights.length), v: new Float32Array(weights.length) };
    this.#encode(0);
    return true;
  }

  /** Takes a checkpoint's vectors (owned from here on), which are the weights version `step`. */
  restore(step: number, moments: SliceMoments): WeightsVersion {
    this.#moments = moments;
    return this.#encode(step);
  }

  begin(step: number, present: readonly number[]): void {
    this.#step = step;
    this.#partials = new TreeSum(this.#lanes, new Set(present));
  }

  isWanted(node: TreeNode): boolean {
    return this.#partials?.isWanted(node) ?? false;
  }

  /** Adds a whole partial; the report when it completes the root. */
  add(node: TreeNode, partial: Float32Array): { accepted: boolean; report: SliceReport | null } {
    const partials = this.#partials;
    if (partials === undefined || !partials.add(node, partial)) return { accepted: false, report: null };
    const root = partials.root;
    return { accepted: true, report: root === undefined ? null : blockSumsOfSquares(root) };
  }

  apply(step: AdamStep): WeightsVersion {
    const root = this.#partials?.root;
    if (root === undefined || this.#moments === undefined)
      throw new Error("apply before the slice was whole");
    applyAdam(this.#moments, root, step);
    this.#partials = undefined;
    return this.#encode(this.#step + 1);
  }

  /** The next version with the same weights. */
  skip(): WeightsVersion {
    this.#partials = undefined;
    return this.#encode(this.#step + 1);
  }

  /** Copies of the vectors as of the last commit, for a checkpoint. */
  snapshot(): SliceMoments {
    if (this.#moments === undefined) throw new Error("snapshot before the slice was loaded");
    const { weights, m, v } = this.#moments;
    return { weights: weights.slice(), m: m.slice(), v: v.slice() };
  }

  #encode(step: number): WeightsVersion {
    const bytes = Buffer.from(bytesOf((this.#moments as SliceMoments).weights));
    this.#version = { step, bytes, crc32c: crc32c(bytes) };
    return this.#version;
  }
}
