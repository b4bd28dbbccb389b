/** Excluded samples: those that no worker can read any more. damaged-samples.ts decides on them. */

/** A sample that no one can read any more: left out from `step` on, in this epoch and the later ones. */
export interface Exclusion {
  readonly split: "train" | "validation";
  readonly sample: number;
  readonly step: number;
  /** Key of the store's object that holds the sample. */
  readonly key: string;
  readonly reason: string;
}

/** Numbers of the excluded samples of a split. */
export const excludedOf = (exclusions: readonly Exclusion[], split: Exclusion["split"]): number[] =>
  exclusions.flatMap((exclusion) => (exclusion.split === split ? [exclusion.sample] : []));
