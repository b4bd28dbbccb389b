/** Splits samples into training and validation within each class, by a seed, for sources that are not split. Pure. */
import { type Draws, drawStream, Purpose } from "../../shared/random.js";

/** The result of a split. */
export interface StratifiedSplit {
  /** For each item, whether it is for validation. */
  readonly isValidation: readonly boolean[];
  /** Labels with a single item, which went to training. */
  readonly single: readonly number[];
}

/**
 * Splits the items of each label: round(n * fraction) of n items are for validation, at least 1 and at most n - 1. A
 * label's only item goes to training. A shuffle by (draws, seed, label) chooses the items.
 * @param labels the label of each item, in an order that does not depend on the machine.
 * @param fraction between 0 and 1, both excluded.
 */
export function splitStratified(
  labels: readonly number[],
  fraction: number,
  { draws, seed }: { readonly draws: Draws; readonly seed: number },
): StratifiedSplit {
  const isValidation = new Array<boolean>(labels.length).fill(false);
  const single: number[] = [];
  for (const [label, items] of itemsByLabel(labels)) {
    if (items.length === 1) {
      single.push(label);
      continue;
    }
    drawStream(draws, seed, Purpose.split, label).shuffle(items);
    const wanted = Math.round(items.length * fraction);
    const count = Math.min(items.length - 1, Math.max(1, wanted));
    for (const item of items.slice(0, count)) isValidation[item] = true;
  }
  return { isValidation, single };
}

function itemsByLabel(labels: readonly number[]): Map<number, number[]> {
  const byLabel = new Map<number, number[]>();
  labels.forEach((label, item) => {
    const items = byLabel.get(label);
    if (items === undefined) byLabel.set(label, [item]);
    else items.push(item);
  });
  return byLabel;
}
