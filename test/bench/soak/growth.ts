/** Whether a figure of the soak grew: the first quarter of its samples beside the last quarter. */
import { median } from "../frame/figures.js";

/** A figure over the soak. */
export interface Series {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** The end counts as more only if it is this many times the beginning, and this much above it. */
  readonly factor: number;
  readonly slack: number;
}

/** A figure at the beginning and at the end. */
export interface Growth {
  readonly beginning: number;
  readonly end: number;
  readonly hasGrown: boolean;
}

/** Compares the ends of a series. NaN values, of windows without such an event, are left out. */
export function growthOf({ values, factor, slack }: Series): Growth {
  const known = values.filter(Number.isFinite);
  const quarter = Math.max(1, Math.floor(known.length / 4));
  const beginning = median(known.slice(0, quarter));
  const end = median(known.slice(-quarter));
  return { beginning, end, hasGrown: end > beginning * factor && end > beginning + slack };
}
