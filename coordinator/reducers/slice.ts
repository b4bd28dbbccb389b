/** One slice of the run's vectors and the step under way on it. Knows nothing of threads or sockets. */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { TreeNode } from "../../shared/tree.js";
import type { AdamStep } from "../core/optimizer.js";
import { applyAdam, type SliceMoments } from "./adam.js";
import type { SliceRange } from "./slices.js";
import { type Claim, type StepBeginning, StepPartials, type Taken, type Verdict } from "./step-partials.js";

/** One weights version of a slice. */
export interface WeightsVersion {
  readonly step: number;
  /** The slice's own, which the next `apply` changes: whoever needs them longer encodes them at once. */
  readonly weights: Float32Array;
  /** Of the weights' bytes. */
  readonly crc32c: number;
}

export class ReducedSlice {
  readonly range: SliceRange;
  readonly #lanes: number;
  readonly #tolerance: number;
  #moments: SliceMoments | undefined;
  #partials: StepPartials | undefined;
  #version: WeightsVersion | undefined;

  /** `tolerance`: how far apart two workers' sums of one node may be; 0 = not a bit. */
  constructor(range: SliceRange, lanes: number, tolerance = 0) {
    this.range = range;
    this.#lanes = lanes;
    this.#tolerance = tolerance;
  }

  get length(): number {
    return this.range.end - this.range.begin;
  }

  /** The step whose partials are taken, until the next begins; -1 before the first. */
  get step(): number {
    return this.#partials?.step ?? -1;
  }

  /** Of that step. */
  get attempt(): number {
    return this.#partials?.attempt ?? -1;
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

  /** Forgets what came before, also for the same step. */
  begin(beginning: StepBeginning): void {
    this.#partials = new StepPartials(this.#lanes, this.#tolerance, beginning);
  }

  /** Nothing when the step is another by now. */
  watch(step: number, node: TreeNode): void {
    if (this.step === step) this.#partials?.watch(node);
  }

  judge(claim: Claim): Verdict {
    return this.#partials?.judge(claim) ?? "stale";
  }

  /** Takes a whole partial, owned from here on. */
  take(claim: Claim, values: Float32Array): Taken {
    return this.#partials?.take(claim, values) ?? { verdict: "stale", report: null, comparison: null };
  }

  apply(step: AdamStep): WeightsVersion {
    const root = this.#partials?.root;
    if (root === undefined || this.#moments === undefined)
      throw new Error("apply before the slice was whole");
    applyAdam(this.#moments, root, step);
    return this.#endStep();
  }

  /** The next version with the same weights. */
  skip(): WeightsVersion {
    return this.#endStep();
  }

  #endStep(): WeightsVersion {
    this.#partials?.end();
    return this.#encode(this.step + 1);
  }

  /** Copies of the vectors as of the last commit, for a checkpoint. */
  snapshot(): SliceMoments {
    if (this.#moments === undefined) throw new Error("snapshot before the slice was loaded");
    const { weights, m, v } = this.#moments;
    return { weights: weights.slice(), m: m.slice(), v: v.slice() };
  }

  #encode(step: number): WeightsVersion {
    const { weights } = this.#moments as SliceMoments;
    this.#version = { step, weights, crc32c: crc32c(bytesOf(weights)) };
    return this.#version;
  }
}
