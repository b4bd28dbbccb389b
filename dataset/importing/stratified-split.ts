/** A seeded split within each class, for sources that have none. Decides; reads and writes nothing. */
import { Purpose, RandomStream } from "../../shared/random.js";

export interface StratifiedSplit {
  /** Parallel to the items: true = validation. */
  readonly isValidation: readonly boolean[];
  /** Labels whose only item went to training. */
  readonly single: readonly number[];
}

/**
 * Of each label's n items round(n * fraction) go to validation, at least 1 and at most n - 1; a single one
 * goes to training. Which ones: a shuffle seeded by (seed, label).
 * @param labels label of each item, in an order that does not depend on the machine.
 * @param fraction above 0, below 1.
 */
export function splitStratified(labels: readonly number[], fraction: number, seed: number): StratifiedSplit {
  const isValidation = new Array<boolean>(labels.length).fill(false);
  const single: number[] = [];
  for (const [label, items] of itemsByLabel(labels)) {
    if (items.length === 1) {
      single.push(label);
      continue;
    }
    new RandomStream(seed, Purpose.split, label).shuffle(items);
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
