/**
 * How the flat vector is cut into slices. Borders lie on the fixed blocks of the norm (DESIGN 5.4), so that the
 * number of slices never changes a bit.
 */
import { crc32cCombine } from "../../shared/crc32c.js";
import { normBlock } from "../../shared/kernels/kernels.js";

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

/** The slices' checksums as that of the whole vector, whatever the number of slices. `lengths` in elements. */
export function joinChecksums(checksums: readonly number[], lengths: readonly number[]): number {
  const [first = 0, ...rest] = checksums;
  return rest.reduce(
    (joined, checksum, index) => crc32cCombine(joined, checksum, (lengths[index + 1] ?? 0) * 4),
    first,
  );
}
