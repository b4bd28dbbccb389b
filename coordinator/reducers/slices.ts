/**
 * How the flat vector is cut into slices. Borders lie on the fixed blocks of the norm, so that the
 * number of slices never changes a bit.
 */
import { crc32cCombine } from "../../shared/crc32c.js";
import { TrainyardError } from "../../shared/errors.js";
import { normBlock } from "../../shared/kernels/kernels.js";
import { capacityFor } from "../../shared/kernels/simd.js";
import { versionsKept } from "./partial-room.js";

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

/** What decides how many vectors a slice holds at once. */
export interface SliceLoad {
  readonly lanes: number;
  readonly momentVectors: number;
  /** Share of the nodes that a second worker sums too. */
  readonly audit: number;
}

/**
 * How many vectors of this length a slice holds at once: weights, the optimizer's moments, the sums that wait along the
 * tree, two partials that are coming in, versions that are being sent, and copies that audits compare.
 */
function vectorsNeeded(length: number, { lanes, momentVectors, audit }: SliceLoad): number {
  const waiting = Math.ceil(Math.log2(lanes));
  const sent = versionsKept(length) + 1; // the slowest are cut before the next one is encoded
  return 3 + momentVectors + waiting + sent + auditCopies(lanes, audit);
}

/** Two values for each node that is audited in a step, one node more than the average, and a third value to decide. */
const auditCopies = (lanes: number, audit: number) =>
  audit === 0 ? 0 : 2 * Math.min(lanes, Math.ceil(audit * lanes) + 1) + 1;

/**
 * Checks that each slice's vectors fit into its WebAssembly memory of at most 4 GiB. Errors: USAGE with the number of
 * slices that would do.
 */
export function checkSlicesFit(parameterCount: number, slices: number, load: SliceLoad): void {
  const holds = (length: number) => capacityFor(length) >= vectorsNeeded(length, load);
  const fits = (count: number) =>
    cutSlices(parameterCount, count).every(({ begin, end }) => holds(end - begin));
  if (fits(slices)) return;
  let enough = slices + 1;
  while (!fits(enough)) enough += 1;
  throw new TrainyardError(
    "USAGE",
    `${parameterCount} parameters in ${load.lanes} lanes don't fit into the memory of ${slices === 1 ? "one reducer" : `${slices} reducers`}; give the coordinator --reducers ${enough}`,
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
