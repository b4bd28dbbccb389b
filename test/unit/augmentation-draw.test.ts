/** What is drawn depends on (seed, epoch, sample) alone, and stays within the ranges of the spec. */
import { describe, expect, it } from "vitest";
import { projectiveTransform, unmoved } from "../../engine/augmentation/affine-transform.js";
import { augmentationOf, drawAugmentation } from "../../engine/augmentation/random-augmentation.js";
import { newestDraws } from "../../shared/random.js";
import type { AugmentationSpec } from "../../shared/spec.js";

const everything: AugmentationSpec = {
  rotationRange: 20,
  widthShiftRange: 0.1,
  heightShiftRange: 0.25,
  shearRange: 5,
  zoomRange: 0.3,
  horizontalFlip: true,
  verticalFlip: true,
  fillMode: "nearest",
  cval: 0,
  brightnessRange: [0.5, 1.5],
  channelShiftRange: 30,
};
const nothing: AugmentationSpec = {
  ...everything,
  rotationRange: 0,
  widthShiftRange: 0,
  heightShiftRange: 0,
  shearRange: 0,
  zoomRange: 0,
  horizontalFlip: false,
  verticalFlip: false,
  brightnessRange: null,
  channelShiftRange: 0,
};
const size = { height: 20, width: 40 };
const many = Array.from({ length: 4000 }, (_, sample) =>
  drawAugmentation(everything, size, { draws: newestDraws, seed: 7, epoch: 3, sample }),
);

describe("draws of augmentation", () => {
  it("eight copies of an image over three epochs are drawn in 24 ways", () => {
    const draws = [0, 1, 2].flatMap((epoch) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((sample) =>
        drawAugmentation(everything, size, { draws: newestDraws, seed: 1, epoch, sample }),
      ),
    );
    expect(new Set(draws.map(({ transform }) => transform.join())).size).toBe(24);
    expect(new Set(draws.map(({ brightness }) => brightness)).size).toBe(24);
    expect(new Set(draws.map(({ channelShift }) => channelShift)).size).toBe(24);
  });

  it("another seed draws other numbers", () => {
    expect(
      drawAugmentation(everything, size, { draws: newestDraws, seed: 1, epoch: 0, sample: 0 }),
    ).not.toEqual(drawAugmentation(everything, size, { draws: newestDraws, seed: 2, epoch: 0, sample: 0 }));
  });

  it("a sample's draw does not depend on which worker draws it, beside which others, or when", () => {
    const all = augmentationOf(everything, size, {
      draws: newestDraws,
      seed: 5,
      epoch: 2,
      samples: [0, 1, 2, 3, 4, 5, 6, 7],
    });
    for (const samples of [[6, 1], [1], [7, 3, 1, 5]]) {
      const some = augmentationOf(everything, size, {
        draws: newestDraws,
        seed: 5,
        epoch: 2,
        samples: Uint32Array.from(samples),
      });
      const at = samples.indexOf(1);
      expect(some.transforms.slice(at * 8, at * 8 + 8)).toEqual(all.transforms.slice(8, 16));
      expect(some.brightness[at]).toBe(all.brightness[1]);
      expect(some.channelShifts[at]).toBe(all.channelShifts[1]);
    }
  });

  it("keeps to every range and fills it", () => {
    const drawn = (of: (draw: (typeof many)[number]) => number) => many.map(of);
    const ranges: [number[], number, number][] = [
      [drawn(({ geometry }) => geometry.rotation), -20, 20],
      [drawn(({ geometry }) => geometry.columnShift), -4, 4],
      [drawn(({ geometry }) => geometry.rowShift), -5, 5],
      [drawn(({ geometry }) => geometry.shear), -5, 5],
      [drawn(({ geometry }) => geometry.columnZoom), 0.7, 1.3],
      [drawn(({ geometry }) => geometry.rowZoom), 0.7, 1.3],
      [drawn(({ brightness }) => brightness), 0.5, 1.5],
      [drawn(({ channelShift }) => channelShift), -30, 30],
    ];
    for (const [values, low, high] of ranges) {
      const span = high - low;
      expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...values)).toBeLessThanOrEqual(high);
      expect(Math.min(...values)).toBeLessThan(low + span / 100);
      expect(Math.max(...values)).toBeGreaterThan(high - span / 100);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(Math.abs(mean - (low + high) / 2)).toBeLessThan(span / 40);
    }
  });

  it("flips half of the images, each way on its own", () => {
    const share = (count: number) => count / many.length;
    const horizontal = many.filter(({ geometry }) => geometry.isFlippedHorizontally);
    const both = horizontal.filter(({ geometry }) => geometry.isFlippedVertically);
    expect(share(horizontal.length)).toBeCloseTo(0.5, 1);
    expect(share(both.length)).toBeCloseTo(0.25, 1);
  });

  it("switching an option off leaves the draws of the others alone", () => {
    const before = drawAugmentation(everything, size, { draws: newestDraws, seed: 9, epoch: 1, sample: 4 });
    const after = drawAugmentation({ ...everything, rotationRange: 0, zoomRange: 0 }, size, {
      draws: newestDraws,
      seed: 9,
      epoch: 1,
      sample: 4,
    });
    expect(after.geometry).toEqual({
      ...before.geometry,
      rotation: after.geometry.rotation,
      columnZoom: 1,
      rowZoom: 1,
    });
    expect(Math.abs(after.geometry.rotation)).toBe(0);
    expect(after.brightness).toBe(before.brightness);
  });

  it("with all options off an image is not changed", () => {
    const { transform, brightness, channelShift } = drawAugmentation(nothing, size, {
      draws: newestDraws,
      seed: 9,
      epoch: 1,
      sample: 4,
    });
    expect([...transform].map(Math.abs)).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
    expect(brightness).toBe(1);
    expect(Math.abs(channelShift)).toBe(0);
  });
});

/** Where the output pixel (column, row) takes its value from. */
function sourceOf(transform: readonly number[], column: number, row: number): [number, number] {
  const [a0, a1, a2, b0, b1, b2] = transform as [number, number, number, number, number, number];
  return [a0 * column + a1 * row + a2, b0 * column + b1 * row + b2];
}

describe("the geometry of an image that is not square", () => {
  it.each([
    ["rotation", { rotation: 33 }],
    ["shear", { shear: 15 }],
    ["zoom", { columnZoom: 0.5, rowZoom: 1.5 }],
    ["flips", { isFlippedHorizontally: true, isFlippedVertically: true }],
  ])("%s leaves the centre where it is", (_, geometry) => {
    const [column, row] = sourceOf(projectiveTransform({ ...unmoved, ...geometry }, size), 19.5, 9.5);
    expect(column).toBeCloseTo(19.5, 10);
    expect(row).toBeCloseTo(9.5, 10);
  });

  it("a width shift moves along the width, a height shift along the height", () => {
    expect(sourceOf(projectiveTransform({ ...unmoved, columnShift: 3 }, size), 0, 0)).toEqual([3, 0]);
    expect(sourceOf(projectiveTransform({ ...unmoved, rowShift: 3 }, size), 0, 0)).toEqual([0, 3]);
  });

  it("a horizontal flip swaps the first and the last column", () => {
    const flipped = projectiveTransform({ ...unmoved, isFlippedHorizontally: true }, size);
    expect(sourceOf(flipped, 0, 5)).toEqual([39, 5]);
  });
});
