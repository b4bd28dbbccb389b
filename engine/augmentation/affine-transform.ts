/**
 * The geometry of augmentation: composes rotation, shift, shear, zoom and flips of a sample into the projective transform
 * that TensorFlow applies. random-augmentation.ts draws the numbers; augmentation-ops.ts transforms the pixels.
 *
 * As Keras 3.15's `apply_affine_transform`, it composes rotation, shift, shear and zoom in this order, from output to input
 * pixels and about the centre (size / 2 - 0.5). Two mistakes of Keras are not repeated: Keras swaps height and width in
 * that centre, which moves images that are not square, and its height shift moves along the width (and vice versa).
 */

/** The size of an image in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A geometric augmentation. Angles are in degrees, shifts in pixels; Keras' name in `apply_transform` is in parentheses. */
export interface Geometry {
  /** (theta) Output to input, y downwards: a positive angle turns the image counter-clockwise. */
  readonly rotation: number;
  /** (tx) Positive moves the image to the left. */
  readonly columnShift: number;
  /** (ty) Positive moves the image up. */
  readonly rowShift: number;
  /** (shear) The input column falls by sin(shear) a row, the row is scaled by cos(shear). */
  readonly shear: number;
  /** (zx) Input pixels per output pixel: above 1 the image gets smaller. */
  readonly columnZoom: number;
  /** (zy) */
  readonly rowZoom: number;
  /** (flip_horizontal) Mirrors after all of the above. */
  readonly isFlippedHorizontally: boolean;
  /** (flip_vertical) */
  readonly isFlippedVertically: boolean;
}

/** The geometry that leaves an image unchanged. */
export const unmoved: Geometry = {
  rotation: 0,
  columnShift: 0,
  rowShift: 0,
  shear: 0,
  columnZoom: 1,
  rowZoom: 1,
  isFlippedHorizontally: false,
  isFlippedVertically: false,
};

/** An affine transform of (column, row, 1): the first two rows of a 3x3 matrix whose third row is 0 0 1. */
type Affine = readonly [number, number, number, number, number, number];

const radians = (degrees: number) => (degrees * Math.PI) / 180;

/**
 * The transform in the form of TensorFlow's ImageProjectiveTransformV3, [a0 a1 a2 b0 b1 b2 c0 c1]: the output pixel in
 * column x and row y is taken from the input at (a0 x + a1 y + a2, b0 x + b1 y + b2); c0 = c1 = 0.
 */
export function projectiveTransform(geometry: Geometry, size: Size): number[] {
  const centred = aboutCentre(composed(geometry), size);
  return [...multiply(centred, flip(geometry, size)), 0, 0];
}

function composed({ rotation, columnShift, rowShift, shear, columnZoom, rowZoom }: Geometry): Affine {
  const [theta, slant] = [radians(rotation), radians(shear)];
  const factors: Affine[] = [
    [Math.cos(theta), -Math.sin(theta), 0, Math.sin(theta), Math.cos(theta), 0],
    [1, 0, columnShift, 0, 1, rowShift],
    [1, -Math.sin(slant), 0, 0, Math.cos(slant), 0],
    [columnZoom, 0, 0, 0, rowZoom, 0],
  ];
  return factors.reduce(multiply);
}

function aboutCentre(matrix: Affine, { height, width }: Size): Affine {
  const [x, y] = [width / 2 - 0.5, height / 2 - 0.5];
  return multiply(multiply([1, 0, x, 0, 1, y], matrix), [1, 0, -x, 0, 1, -y]);
}

function flip({ isFlippedHorizontally, isFlippedVertically }: Geometry, { height, width }: Size): Affine {
  const columns = isFlippedHorizontally ? ([-1, 0, width - 1] as const) : ([1, 0, 0] as const);
  const rows = isFlippedVertically ? ([0, -1, height - 1] as const) : ([0, 1, 0] as const);
  return [...columns, ...rows];
}

const multiply = (a: Affine, b: Affine): Affine => [
  a[0] * b[0] + a[1] * b[3],
  a[0] * b[1] + a[1] * b[4],
  a[0] * b[2] + a[1] * b[5] + a[2],
  a[3] * b[0] + a[4] * b[3],
  a[3] * b[1] + a[4] * b[4],
  a[3] * b[2] + a[4] * b[5] + a[5],
];
