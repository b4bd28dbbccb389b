/**
 * A sum along the reduction tree while partials arrive, in any order (docs/design/lanes-and-tree.md). The first arrival for a
 * node counts; a node at or below one that is already there is dropped. Holds at most one vector per node whose sibling is
 * missing: about log2(lanes) when lanes arrive in order.
 */
import type { Kernels } from "./kernels/kernels.js";
import { plainKernels } from "./kernels/plain.js";
import type { RunSpec } from "./spec.js";
import { childrenOf, isLeaf, isPresent, nodeKey, pathTo, rootOf, type TreeNode } from "./tree.js";

/** A node and the sum of the present lanes below it, float32. */
export interface TreePart {
  readonly node: TreeNode;
  readonly sum: Float32Array;
}

/** The arithmetic of a sum, and where its vectors go when it needs them no longer. */
export interface TreeArithmetic {
  /** Makes a lane's gradient the value of its leaf, in place. Doing it twice changes nothing more. */
  toLeaf(gradient: Float32Array): void;
  /** left = the value of the node whose children have the values left and right. */
  add(left: Float32Array, right: Float32Array): void;
  /** Takes back a vector that the sum needs no longer. */
  release(vector: Float32Array): void;
}

/**
 * The arithmetic for a wire format. With bfloat16, value(leaf) = bf16(gradient) and value(node) = bf16(float32(left +
 * right)), so that a node has the same value wherever it is computed, and nothing is rounded when it is sent.
 */
export function arithmeticOf(
  wire: RunSpec["wire"],
  kernels: Kernels = plainKernels,
  release: TreeArithmetic["release"] = () => undefined,
): TreeArithmetic {
  return wire === "bfloat16"
    ? { toLeaf: kernels.roundBfloat16, add: kernels.addBfloat16, release }
    : { toLeaf: () => undefined, add: kernels.add, release };
}

export class TreeSum {
  readonly #lanes: number;
  readonly #present: ReadonlySet<number>;
  readonly #arithmetic: TreeArithmetic;
  /** Nodes whose parent's value is not there yet, by key. */
  readonly #parts = new Map<string, TreePart>();

  /** Default: float32 in plain TypeScript. */
  constructor(lanes: number, present: ReadonlySet<number>, arithmetic = arithmeticOf("float32")) {
    this.#lanes = lanes;
    this.#present = present;
    this.#arithmetic = arithmetic;
  }

  /**
   * False: this node, or one above it, is already there, or no lane below it has samples. Throws on a node
   * that the tree does not have.
   */
  isWanted(node: TreeNode): boolean {
    return !this.#pathOf(node).some((above) => this.#parts.has(nodeKey(above))) && this.#isPresent(node);
  }

  /** Takes the vector (owned from here on; it may be added into). Returns false when it was dropped. */
  add(node: TreeNode, sum: Float32Array): boolean {
    if (!this.isWanted(node)) {
      this.#arithmetic.release(sum);
      return false;
    }
    this.#forgetBelow(node);
    if (isLeaf(node)) this.#arithmetic.toLeaf(sum);
    this.#parts.set(nodeKey(node), { node, sum });
    const path = this.#pathOf(node);
    for (let depth = path.length - 2; depth >= 0; depth -= 1) {
      if (!this.#join(path[depth] as TreeNode)) break;
    }
    return true;
  }

  /** The whole sum, once every lane with samples arrived; else undefined. */
  get root(): Float32Array | undefined {
    return this.#parts.get(nodeKey(rootOf(this.#lanes)))?.sum;
  }

  /** The sums that are held, in lane order: the fewest nodes that cover the lanes that arrived. */
  get parts(): readonly TreePart[] {
    return [...this.#parts.values()].sort((a, b) => a.node.begin - b.node.begin);
  }

  /** Gives every vector back and forgets every sum. */
  clear(): void {
    for (const { sum } of this.#parts.values()) this.#arithmetic.release(sum);
    this.#parts.clear();
  }

  #pathOf(node: TreeNode): TreeNode[] {
    const path = pathTo(node, this.#lanes);
    if (path === null) throw new Error(`the tree over ${this.#lanes} lanes has no node ${nodeKey(node)}`);
    return path;
  }

  #isPresent(node: TreeNode): boolean {
    return isPresent(node, this.#present);
  }

  /** value(parent) = value(left) + value(right); an absent side counts as not being there. */
  #join(parent: TreeNode): boolean {
    const children = childrenOf(parent);
    const isMissing = (child: TreeNode) => !this.#parts.has(nodeKey(child)) && this.#isPresent(child);
    if (children.some(isMissing)) return false;
    const [left, right] = children.flatMap((child) => this.#parts.get(nodeKey(child)) ?? []);
    if (left === undefined) return false;
    if (right !== undefined) {
      this.#arithmetic.add(left.sum, right.sum);
      this.#arithmetic.release(right.sum);
    }
    for (const child of children) this.#parts.delete(nodeKey(child));
    this.#parts.set(nodeKey(parent), { node: parent, sum: left.sum });
    return true;
  }

  #forgetBelow({ begin, end }: TreeNode): void {
    if (isLeaf({ begin, end })) return;
    for (const [key, { node, sum }] of this.#parts) {
      if (node.begin < begin || node.end > end) continue;
      this.#arithmetic.release(sum);
      this.#parts.delete(key);
    }
  }
}
