/**
 * How the flat vector is cut into slices. Borders lie on the fixed blocks of the norm, so that the
 * number of slices never changes a bit.
 */
import { crc32cCombine } from "../../shared/crc32c.js";
import { TrainyardError } from "../../shared/errors.js";
import { normBlock } from "../../shared/kernels/kernels.js";
import { capacityFor } from "../../shared/kernels/simd.js";

export interface SliceRange {
  readonly slice: number;
  /** Elements of the flat vector, [begin, end). */
  readonly begin: number;
  readonly end: number;
}

/** At most `count` slices of near equal length; fewer when the vector has fewer blocks. */
export function cutSlices(parameterCount: number, count: number): SliceRange[] {
  const blocks = Math.ceil(parameterCount / normBlock);
  const slices = Math.min(count, blocks);
  return Array.from({ length: slices }, (_, slice) => ({
    slice,
    begin: Math.floor((slice * blocks) / slices) * normBlock,
    end: Math.min(parameterCount, Math.floor(((slice + 1) * blocks) / slices) * normBlock),
  }));
}

/**
 * Checks that each slice's vectors fit into its WebAssembly memory of at most 4 GiB: weights, the optimizer's moments,
 * the sums that wait along the tree, and two partials that are coming in. Errors: USAGE with the number of slices that
 * would do.
 */
export function checkSlicesFit(
  parameterCount: number,
  slices: number,
  { lanes, momentVectors }: { readonly lanes: number; readonly momentVectors: number },
): void {
  const needed = 3 + momentVectors + Math.ceil(Math.log2(lanes));
  const fits = (count: number) =>
    cutSlices(parameterCount, count).every(({ begin, end }) => capacityFor(end - begin) >= needed);
  if (fits(slices)) return;
  let enough = slices + 1;
  while (!fits(enough)) enough += 1;
  throw new TrainyardError(
    "USAGE",
    `${parameterCount} parameters in ${lanes} lanes don't fit into the memory of ${slices === 1 ? "one reducer" : `${slices} reducers`}; give the coordinator --reducers ${enough}`,
  );
}

/** The slices' checksums as that of the whole vector, whatever the number of slices. `lengths` in elements. */
export function joinChecksums(checksums: readonly number[], lengths: readonly number[]): number {
  const [first = 0, ...rest] = checksums;
  return rest.reduce(
    (joined, checksum, index) => crc32cCombine(joined, checksum, (lengths[index + 1] ?? 0) * 4),
    first,
  );
}
