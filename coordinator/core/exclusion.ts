/** Samples that are left out, because nobody can read them any more (DESIGN 5.8). How they come about is damage.ts'. */

/** A sample that no one can read any more: left out from `step` on, in this epoch and the later ones. */
export interface Exclusion {
  readonly split: "train" | "validation";
  readonly sample: number;
  readonly step: number;
  /** The object that holds it. */
  readonly key: string;
  readonly reason: string;
}

/** Samples of a split that are left out. */
export const excludedOf = (exclusions: readonly Exclusion[], split: Exclusion["split"]): number[] =>
  exclusions.flatMap((exclusion) => (exclusion.split === split ? [exclusion.sample] : []));
