/**
 * The three resize rules, applied to decoded pixels. A model stores the rule's name, and the rule must give the same
 * pixels on every machine whichever library decodes, so the rules are written out here. Works on interleaved uint8.
 */
import { assertNever } from "../../shared/errors.js";
import type { ImageSpec } from "../../shared/spec.js";

/** Decoded, upright pixels: uint8 [height, width, channels]. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Resizes an image; returns uint8 [height, width, channels]. An image that has the size already is returned as it is. */
export function resizePixels(from: Pixels, to: Pick<ImageSpec, "height" | "width" | "resize">): Uint8Array {
  if (from.height === to.height && from.width === to.width) return from.data;
  switch (to.resize) {
    case "nearest":
      return resizeNearest(from, to.height, to.width);
    case "area":
      return resizeWeighted(from, areaTaps(from.height, to.height), areaTaps(from.width, to.width));
    case "bilinear":
      return resizeWeighted(from, bilinearTaps(from.height, to.height), bilinearTaps(from.width, to.width));
    default:
      return assertNever(to.resize);
  }
}

/**
 * The rule `nearest` along one side: the source index of each target index, floor((i + 0.5) * from / to). The position is
 * summed up in float64 as PIL's `ImagingScaleAffine` does, so that exact ties fall as in PIL (2 to 7 pixels, for instance).
 */
export function nearestIndices(from: number, to: number): Uint32Array {
  const indices = new Uint32Array(to);
  const scale = from / to;
  let position = scale * 0.5;
  for (let i = 0; i < to; i += 1, position += scale) indices[i] = Math.min(from - 1, Math.trunc(position));
  return indices;
}

function resizeNearest({ data, channels, ...from }: Pixels, height: number, width: number): Uint8Array {
  const rows = nearestIndices(from.height, height);
  const columns = nearestIndices(from.width, width);
  const made = new Uint8Array(height * width * channels);
  let at = 0;
  for (const row of rows) {
    const rowBegin = row * from.width * channels;
    for (const column of columns) {
      const source = rowBegin + column * channels;
      for (let channel = 0; channel < channels; channel += 1) made[at++] = data[source + channel] as number;
    }
  }
  return made;
}

/** How one target index is averaged: weights of the source indices from `first` on, which add up to 1. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** The rule `area`, a box average: a source pixel weighs as much as it covers of [i * from / to, (i + 1) * from / to]. */
function areaTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const [begin, end] = [(i * from) / to, ((i + 1) * from) / to];
    const first = Math.min(from - 1, Math.floor(begin));
    const last = Math.max(first + 1, Math.min(from, Math.ceil(end)));
    const weights = Float64Array.from({ length: last - first }, (_, tap) => {
      const pixel = first + tap;
      return (Math.min(end, pixel + 1) - Math.max(begin, pixel)) / (end - begin);
    });
    return { first, weights };
  });
}

/** The rule `bilinear`: two neighbours of (i + 0.5) * from / to - 0.5, edges repeated, not antialiased, as `tf.image.resize`. */
function bilinearTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const first = Math.min(Math.floor(position), Math.max(0, from - 2));
    const weight = position - first;
    return { first, weights: from === 1 ? Float64Array.of(1) : Float64Array.of(1 - weight, weight) };
  });
}

/** Averages along columns, then along rows, in float64. Rounds once, at the end, halves up. */
function resizeWeighted({ data, channels, ...from }: Pixels, rows: Taps[], columns: Taps[]): Uint8Array {
  const rowSize = columns.length * channels;
  const narrow = new Float64Array(from.height * rowSize);
  for (let row = 0; row < from.height; row += 1) {
    for (let column = 0; column < columns.length; column += 1) {
      const { first, weights } = columns[column] as Taps;
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 0;
        let source = (row * from.width + first) * channels + channel;
        for (const weight of weights) {
          sum += weight * (data[source] as number);
          source += channels;
        }
        narrow[row * rowSize + column * channels + channel] = sum;
      }
    }
  }
  return weighRows(narrow, rowSize, rows);
}

function weighRows(narrow: Float64Array, rowSize: number, rows: Taps[]): Uint8Array {
  const made = new Uint8Array(rows.length * rowSize);
  rows.forEach(({ first, weights }, row) => {
    for (let at = 0; at < rowSize; at += 1) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) {
        sum += (weights[tap] as number) * (narrow[(first + tap) * rowSize + at] as number);
      }
      made[row * rowSize + at] = Math.min(255, Math.floor(sum + 0.5));
    }
  });
  return made;
}
