/**
 * One step's partials of one slice, added along the tree as they come (DESIGN 5.3). The first arrival for a
 * node counts; a node at or below one that is already there is dropped.
 */
import { addInto, childrenOf, isPresent, nodeKey, pathTo, type TreeNode } from "../../shared/tree.js";

export class Partials {
  readonly #lanes: number;
  readonly #present: ReadonlySet<number>;
  /** Values of nodes whose parent's value is not there yet. */
  readonly #values = new Map<string, Float32Array>();

  constructor(lanes: number, present: ReadonlySet<number>) {
    this.#lanes = lanes;
    this.#present = present;
  }

  /** False: this node, or one above it, is already there. Throws on a node that the tree does not have. */
  isWanted(node: TreeNode): boolean {
    const path = pathTo(node, this.#lanes);
    if (path === null) throw new Error(`the tree over ${this.#lanes} lanes has no node ${nodeKey(node)}`);
    return !path.some((above) => this.#values.has(nodeKey(above)));
  }

  /** Takes the vector (owned from here on; it may be added into). Returns false when it was dropped. */
  add(node: TreeNode, partial: Float32Array): boolean {
    if (!this.isWanted(node)) return false;
    const path = pathTo(node, this.#lanes) as TreeNode[];
    this.#values.set(nodeKey(node), partial);
    this.#forgetBelow(node);
    for (let depth = path.length - 2; depth >= 0; depth -= 1) {
      if (!this.#join(path[depth] as TreeNode)) break;
    }
    return true;
  }

  /** The whole sum, once everything is there. */
  get root(): Float32Array | undefined {
    return this.#values.get(nodeKey({ begin: 0, end: this.#lanes }));
  }

  /** value(parent) = value(left) + value(right); an absent side counts as not being there. */
  #join(parent: TreeNode): boolean {
    const [left, right] = childrenOf(parent);
    const leftValue = this.#values.get(nodeKey(left));
    const rightValue = this.#values.get(nodeKey(right));
    if (leftValue === undefined && isPresent(left, this.#present)) return false;
    if (rightValue === undefined && isPresent(right, this.#present)) return false;
    if (leftValue !== undefined && rightValue !== undefined) addInto(leftValue, rightValue);
    this.#values.delete(nodeKey(left));
    this.#values.delete(nodeKey(right));
    this.#values.set(nodeKey(parent), (leftValue ?? rightValue) as Float32Array);
    return true;
  }

  #forgetBelow(node: TreeNode): void {
    for (const key of this.#values.keys()) {
      const [begin, end] = key.split("-").map(Number) as [number, number];
      const isBelow = begin >= node.begin && end <= node.end && key !== nodeKey(node);
      if (isBelow) this.#values.delete(key);
    }
  }
}
