/**
 * Nodes of a step whose sum is computed by several workers: what each of them sent for this slice, and whether they
 * agree. Nothing here is ever added to the tree; it is forgotten with the step.
 */
import { bytesOf } from "../../shared/grpc/numbers.js";
import { nodeKey, type TreeNode } from "../../shared/tree.js";

/** Values kept per node: the one that was added, two audits of it, and one to spare. */
const valuesPerNode = 4;

/** A value that joined earlier ones of other workers. */
export interface Comparison {
  readonly node: TreeNode;
  readonly worker: string;
  /** Workers whose value equals this one, and those whose doesn't, in the order in which they came. */
  readonly agrees: readonly string[];
  readonly differs: readonly string[];
}

interface Value {
  readonly worker: string;
  readonly values: Float32Array;
}

export class WatchedNodes {
  readonly #tolerance: number;
  readonly #release: (vector: Float32Array) => void;
  readonly #nodes = new Map<string, Value[]>();

  /** `tolerance`: 0 = bit for bit; else see `agree`. `release`: takes back vectors that are not kept any longer. */
  constructor(tolerance: number, release: (vector: Float32Array) => void) {
    this.#tolerance = tolerance;
    this.#release = release;
  }

  watch(node: TreeNode): void {
    if (!this.has(node)) this.#nodes.set(nodeKey(node), []);
  }

  has(node: TreeNode): boolean {
    return this.#nodes.has(nodeKey(node));
  }

  /** False: there is a value of this worker already, or as many as are kept. */
  isRoomFor(node: TreeNode, worker: string): boolean {
    const held = this.#nodes.get(nodeKey(node));
    return (
      held !== undefined && held.length < valuesPerNode && !held.some((value) => value.worker === worker)
    );
  }

  /** Keeps a value (owned from here on) of a watched node; null: there is nothing to compare it with. */
  keep(node: TreeNode, worker: string, values: Float32Array): Comparison | null {
    const held = this.#nodes.get(nodeKey(node));
    if (held === undefined || held.length >= valuesPerNode) {
      this.#release(values);
      return null;
    }
    const [agrees, differs]: [string[], string[]] = [[], []];
    for (const earlier of held) {
      if (earlier.worker === worker) continue;
      (agree(earlier.values, values, this.#tolerance) ? agrees : differs).push(earlier.worker);
    }
    held.push({ worker, values });
    return agrees.length + differs.length === 0 ? null : { node, worker, agrees, differs };
  }

  /** Forgets every node and value. */
  clear(): void {
    for (const held of this.#nodes.values()) for (const { values } of held) this.#release(values);
    this.#nodes.clear();
  }
}

/**
 * Bit for bit, or ||a - b|| <= tolerance * max(||a||, ||b||) with Euclidean norms in float64; what holds a NaN agrees
 * with nothing then. Both have the same length.
 */
export function agree(a: Float32Array, b: Float32Array, tolerance: number): boolean {
  if (tolerance === 0) return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
  let [difference, normA, normB] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i] as number, b[i] as number];
    difference += (x - y) * (x - y);
    normA += x * x;
    normB += y * y;
  }
  return Math.sqrt(difference) <= tolerance * Math.sqrt(Math.max(normA, normB));
}
