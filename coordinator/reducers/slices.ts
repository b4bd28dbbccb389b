/**
 * How the flat vector is cut into slices. Borders lie on the fixed blocks of the norm (DESIGN 5.4), so that the
 * number of slices never changes a bit.
 */
import { crc32cCombine } from "../../shared/crc32c.js";

/** Elements per block of the sums of squares. */
export const normBlock = 4_096;

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

/** float64 sums of squares per block of a slice whose begin lies on a block's border. */
export function blockSumsOfSquares(values: Float32Array): { finite: boolean; blockSums: Float64Array } {
  const blockSums = new Float64Array(Math.ceil(values.length / normBlock));
  let finite = true;
  for (let block = 0; block < blockSums.length; block += 1) {
    const end = Math.min(values.length, (block + 1) * normBlock);
    let sum = 0;
    for (let i = block * normBlock; i < end; i += 1) {
      const value = values[i] as number;
      sum += value * value;
    }
    // A finite float32 squared is far inside float64: not finite means that an element was not.
    finite &&= Number.isFinite(sum);
    blockSums[block] = sum;
  }
  return { finite, blockSums };
}

/** The slices' checksums as that of the whole vector, whatever the number of slices. `lengths` in elements. */
export function joinChecksums(checksums: readonly number[], lengths: readonly number[]): number {
  const [first = 0, ...rest] = checksums;
  return rest.reduce(
    (joined, checksum, index) => crc32cCombine(joined, checksum, (lengths[index + 1] ?? 0) * 4),
    first,
  );
}
