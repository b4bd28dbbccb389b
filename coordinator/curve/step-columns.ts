/**
 * The committed steps of a run, one typed array a column: 57 bytes a step outside JavaScript's heap, where objects take
 * 250 inside it. Columns come in blocks, so that no row is ever copied.
 */
import type { StepRow } from "../../shared/curve.js";

const blockRows = 4096;
const floats = ["loss", "accuracy", "learningRate", "gradientNorm", "seconds"] as const;
const integers = ["step", "epoch", "samples", "crc32c"] as const;

const skippedBit = 1 << floats.length;

interface Block {
  /** Column after column, in the order of `floats`. */
  readonly floats: Float64Array;
  /** Column after column, in the order of `integers`. */
  readonly integers: Uint32Array;
  /** Bits: `skippedBit` for a step that was skipped; bit number `column` of `floats` where that value is null. */
  readonly flags: Uint8Array;
}

/** The committed steps of a run in their order. */
export class StepColumns {
  readonly #blocks: Block[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(row: StepRow): void {
    const at = this.#length % blockRows;
    if (at === 0) this.#blocks.push(emptyBlock());
    const block = this.#blocks.at(-1) as Block;
    let flags = row.status === "skipped" ? skippedBit : 0;
    for (const [column, name] of floats.entries()) {
      const value = row[name];
      if (value === null) flags |= 1 << column;
      else block.floats[column * blockRows + at] = value;
    }
    for (const [column, name] of integers.entries()) block.integers[column * blockRows + at] = row[name];
    block.flags[at] = flags;
    this.#length += 1;
  }

  /** The row at a position, from 0. The position must be below `length`. */
  row(position: number): StepRow {
    const block = this.#blocks[Math.floor(position / blockRows)];
    if (block === undefined || position >= this.#length)
      throw new RangeError(`there is no row at position ${position} of ${this.#length}`);
    const at = position % blockRows;
    const flags = block.flags[at] as number;
    const float = (column: number) => block.floats[column * blockRows + at] as number;
    const floatOrNull = (column: number) => ((flags & (1 << column)) === 0 ? float(column) : null);
    const integer = (column: number) => block.integers[column * blockRows + at] as number;
    return {
      step: integer(0),
      epoch: integer(1),
      loss: floatOrNull(0),
      accuracy: floatOrNull(1),
      learningRate: float(2),
      gradientNorm: floatOrNull(3),
      samples: integer(2),
      seconds: float(4),
      crc32c: integer(3),
      status: (flags & skippedBit) !== 0 ? "skipped" : "applied",
    };
  }

  /** Position of the first row whose step number is at least `step`; `length` when there is none. */
  positionOf(step: number): number {
    return firstPositionFrom(step, this.#length, (position) => this.#stepAt(position));
  }

  *[Symbol.iterator](): Generator<StepRow> {
    for (let position = 0; position < this.#length; position += 1) yield this.row(position);
  }

  #stepAt(position: number): number {
    return this.#blocks[Math.floor(position / blockRows)]?.integers[position % blockRows] ?? 0;
  }
}

/** Position of the first row whose number is at least `wanted`; `length` when there is none. Numbers ascend. */
export function firstPositionFrom(
  wanted: number,
  length: number,
  numberAt: (position: number) => number,
): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberAt(middle) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

const emptyBlock = (): Block => ({
  floats: new Float64Array(floats.length * blockRows),
  integers: new Uint32Array(integers.length * blockRows),
  flags: new Uint8Array(blockRows),
});
