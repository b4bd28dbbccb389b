/** One slice of the run's vectors (weights and moments) and the step under way on it. No threads, no sockets. */
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { SimdVectors } from "../../shared/kernels/simd.js";
import type { RunSpec } from "../../shared/spec.js";
import type { TreeNode } from "../../shared/tree.js";
import type { SliceReport } from "../core/work.js";
import { magnitudesOf, type OptimizerMagnitudes, type OptimizerVectors } from "../optimizers/optimizer.js";
import { applyOptimizerStep, type OptimizerStep } from "../optimizers/registry.js";
import type { Occupancy } from "./partial-room.js";
import type { SliceRange } from "./slices.js";
import {
  type Claim,
  type PartialsPlace,
  type StepBeginning,
  StepPartials,
  type SumVerdict,
  type Taken,
} from "./step-partials.js";

/** One weights version of a slice. */
export interface WeightsVersion {
  readonly step: number;
  /** A view of the slice's weights, which the next `apply` changes. Encode or copy them to keep them. */
  readonly weights: Float32Array;
  /** CRC-32C of the weights' bytes. */
  readonly crc32c: number;
}

/** What a whole partial led to. */
export interface TakenBySlice extends Pick<Taken, "verdict" | "comparison"> {
  /** The slice's report, when this partial completed the step's sum; else null. */
  readonly report: SliceReport | null;
}

/** What all slices of a run have in common. */
export interface SliceOptions {
  readonly lanes: number;
  /** How many vectors the optimizer keeps beside the weights. */
  readonly momentVectors: number;
  /** How far apart two workers' sums of one node may be, relative to their norm. Default 0: not a bit. */
  readonly tolerance?: number;
  /** The format of partials, and so of the tree's nodes. Default: float32. */
  readonly wire?: RunSpec["wire"];
}

export class ReducedSlice {
  readonly range: SliceRange;
  /** How many vectors the optimizer keeps beside the weights. */
  readonly momentVectors: number;
  /** Where its vectors lie: weights, moments, partials, and what is being uploaded. */
  readonly vectors: SimdVectors;
  readonly #place: PartialsPlace;
  /** Undefined until the slice is loaded. */
  #whole: OptimizerVectors | undefined;
  /** Largest magnitudes of `#whole`, which each update measures. */
  #largest: OptimizerMagnitudes = { weights: 0, moments: [] };
  #partials: StepPartials | undefined;
  #version: WeightsVersion | undefined;

  constructor(range: SliceRange, { lanes, momentVectors, tolerance = 0, wire = "float32" }: SliceOptions) {
    this.range = range;
    this.momentVectors = momentVectors;
    this.vectors = new SimdVectors(range.end - range.begin);
    this.#place = { lanes, tolerance, wire, vectors: this.vectors };
  }

  get length(): number {
    return this.range.end - this.range.begin;
  }

  /** The step whose partials are taken, until the next begins; -1 before the first. */
  get step(): number {
    return this.#partials?.step ?? -1;
  }

  /** The attempt at that step, from 0; -1 before the first step. */
  get attempt(): number {
    return this.#partials?.attempt ?? -1;
  }

  get version(): WeightsVersion | undefined {
    return this.#version;
  }

  /** Which nodes the step under way keeps, and which lanes have samples in it. */
  get occupancy(): Pick<Occupancy, "kept" | "present"> {
    return this.#partials?.occupancy ?? { kept: [], present: [] };
  }

  /** Lanes with samples from which no partial has arrived in this attempt; none when the slice is at another attempt. */
  lacking(step: number, attempt: number): number[] {
    if (this.step !== step || this.attempt !== attempt || this.#partials === undefined) return [];
    const { kept, present } = this.#partials.occupancy;
    return present.filter((lane) => !kept.some(({ begin, end }) => begin <= lane && lane < end));
  }

  /** Sets weights (a vector of its own, owned from here on) with fresh moments. False: there were some already. */
  load(weights: Float32Array): boolean {
    if (this.#whole !== undefined) {
      this.vectors.release(weights);
      return false;
    }
    this.#whole = { weights, moments: this.#newMoments() };
    this.#measure(this.#whole);
    this.#encode(0);
    return true;
  }

  /** Copies this slice's part of a checkpoint's whole vectors, which are the weights version `step`. */
  restore(step: number, whole: OptimizerVectors): WeightsVersion {
    const { begin, end } = this.range;
    this.#whole ??= { weights: this.vectors.allocate(), moments: this.#newMoments() };
    for (const [own, other] of pairs(this.#whole, whole)) own.set(other.subarray(begin, end));
    this.#measure(this.#whole);
    return this.#encode(step);
  }

  #measure({ weights, moments }: OptimizerVectors): void {
    const { kernels } = this.vectors;
    this.#largest = magnitudesOf([weights, ...moments].map((vector) => kernels.largestMagnitude(vector)));
  }

  #newMoments(): Float32Array[] {
    return Array.from({ length: this.momentVectors }, () => this.vectors.allocate().fill(0));
  }

  /** Begins a step, or another attempt at it. All partials of the former one are forgotten. */
  begin(beginning: StepBeginning): void {
    this.#partials?.end();
    this.#partials = new StepPartials(this.#place, beginning);
  }

  /** Keeps what arrives for this node, to compare audits with it. Ignored when the slice is at another step. */
  watch(step: number, node: TreeNode): void {
    if (this.step === step) this.#partials?.watch(node);
  }

  /** What the sum makes of a partial. Throws on a node that the tree lacks. */
  judge(claim: Claim): SumVerdict {
    return this.#partials?.judge(claim) ?? "stale";
  }

  /** Takes a whole partial: a vector of the slice's own, owned from here on. */
  take(claim: Claim, values: Float32Array): TakenBySlice {
    if (this.#partials === undefined) {
      this.vectors.release(values);
      return { verdict: "stale", report: null, comparison: null };
    }
    const { verdict, root, comparison } = this.#partials.take(claim, values);
    if (root === null) return { verdict, report: null, comparison };
    const report = { blockSums: root.sums, largest: { root: root.largest, ...this.#largest } };
    return { verdict, report, comparison };
  }

  /** Ends the step: updates weights and moments with the step's sum. Throws when the sum is not whole. */
  apply(step: OptimizerStep): WeightsVersion {
    const root = this.#partials?.root;
    if (root === undefined || this.#whole === undefined) throw new Error("apply before the slice was whole");
    this.#largest = applyOptimizerStep(this.vectors.kernels, this.#whole, root, step);
    return this.#endStep();
  }

  /** Ends the step without an update: the next version has the same weights. */
  skip(): WeightsVersion {
    return this.#endStep();
  }

  #endStep(): WeightsVersion {
    this.#partials?.end();
    return this.#encode(this.step + 1);
  }

  /**
   * Copies the vectors as of the last commit to their place in whole ones, for a checkpoint. True: they hold a value that
   * is not finite.
   */
  snapshot(whole: OptimizerVectors): boolean {
    if (this.#whole === undefined) throw new Error("snapshot before the slice was loaded");
    const { begin } = this.range;
    for (const [own, other] of pairs(this.#whole, whole)) other.set(own, begin);
    this.#measure(this.#whole);
    return ![this.#largest.weights, ...this.#largest.moments].every(Number.isFinite);
  }

  #encode(step: number): WeightsVersion {
    const { weights } = this.#whole as OptimizerVectors;
    this.#version = { step, weights, crc32c: crc32c(bytesOf(weights)) };
    return this.#version;
  }
}

/** Weights with weights, each moment with its counterpart. Both are of one run, so they have the same moments. */
function* pairs(own: OptimizerVectors, other: OptimizerVectors): Generator<[Float32Array, Float32Array]> {
  if (own.moments.length !== other.moments.length)
    throw new Error(
      `invariant broken: ${other.moments.length} moment vectors for a slice of ${own.moments.length}`,
    );
  yield [own.weights, other.weights];
  for (const [index, moment] of own.moments.entries()) yield [moment, other.moments[index] as Float32Array];
}
