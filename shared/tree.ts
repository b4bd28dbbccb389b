/**
 * The reduction tree over lanes (docs/design/lanes-and-tree.md): over lanes [a, b) it splits at a + the largest power of two
 * below b - a. It is fixed by the number of lanes alone, so that a sum has the same bits wherever it is added.
 * Lanes without samples in a step are absent: their parent's value equals the sibling's.
 */

import { limits } from "./limits.js";

/** A node: the lanes [begin, end) whose gradients its partial sums. */
export interface TreeNode {
  readonly begin: number;
  readonly end: number;
}

/** The node over all lanes. */
export const rootOf = (lanes: number): TreeNode => ({ begin: 0, end: lanes });

/** The node is a single lane. */
export const isLeaf = (node: TreeNode) => node.end - node.begin === 1;

/** A string that names the node, such as `0-4`. */
export const nodeKey = (node: TreeNode) => `${node.begin}-${node.end}`;

/** The two nodes that a node is the sum of. It must not be a leaf. */
export function childrenOf(node: TreeNode): readonly [TreeNode, TreeNode] {
  const width = node.end - node.begin;
  let half = 1;
  while (half * 2 < width) half *= 2;
  const middle = node.begin + half;
  return [
    { begin: node.begin, end: middle },
    { begin: middle, end: node.end },
  ];
}

/** The path from the root down to `node`, both included; null when the tree has no such node. */
export function pathTo(node: TreeNode, lanes: number): TreeNode[] | null {
  if (!(node.begin >= 0 && node.begin < node.end && node.end <= lanes)) return null;
  const path = [rootOf(lanes)];
  for (;;) {
    const at = path[path.length - 1] as TreeNode;
    if (at.begin === node.begin && at.end === node.end) return path;
    if (isLeaf(at)) return null;
    const [left, right] = childrenOf(at);
    const next = node.end <= left.end ? left : right;
    if (node.begin < next.begin || node.end > next.end) return null;
    path.push(next);
  }
}

/** True when at least one lane below the node has samples. Its cost is bounded as that of lanesBelow. */
export function isPresent({ begin, end }: TreeNode, present: ReadonlySet<number>): boolean {
  if (end - begin > present.size) return [...present].some((lane) => begin <= lane && lane < end);
  for (let lane = begin; lane < end; lane += 1) if (present.has(lane)) return true;
  return false;
}

/** The fewest nodes whose present lanes are exactly the owned ones, in lane order. */
export function coverOf(owned: ReadonlySet<number>, present: ReadonlySet<number>, lanes: number): TreeNode[] {
  const cover: TreeNode[] = [];
  const visit = (node: TreeNode) => {
    const below = lanesBelow(node, present);
    if (below.length === 0) return;
    const ours = below.filter((lane) => owned.has(lane)).length;
    if (ours === below.length) cover.push(node);
    else if (ours > 0) childrenOf(node).forEach(visit);
  };
  visit(rootOf(lanes));
  return cover;
}

/** True when the node's sum is of few enough lanes to be sent as one partial. */
export const isSendable = (node: TreeNode, present: ReadonlySet<number>): boolean =>
  node.end - node.begin <= limits.nodeLanes || lanesBelow(node, present).length <= limits.nodeLanes;

/**
 * The nodes that a worker sends for the lanes that it owns, in lane order: their cover, where a node of more than
 * `limits.nodeLanes` present lanes is cut into its children. So a worker that is lost with a large share loses the lanes of
 * one node. Workers, grants and audits use this rule. The order of additions is the tree's either way.
 */
export function nodesToSend(
  owned: ReadonlySet<number>,
  present: ReadonlySet<number>,
  lanes: number,
): TreeNode[] {
  const cut = (node: TreeNode): TreeNode[] => {
    if (isSendable(node, present)) return [node];
    return childrenOf(node)
      .filter((child) => isPresent(child, present))
      .flatMap(cut);
  };
  return coverOf(owned, present, lanes).flatMap(cut);
}

/**
 * The present lanes below a node, in order. Its cost is bounded by the number of present lanes, because a node that a peer
 * names may have any end.
 */
export function lanesBelow({ begin, end }: TreeNode, present: ReadonlySet<number>): number[] {
  if (end - begin > present.size)
    return [...present].filter((lane) => begin <= lane && lane < end).sort((a, b) => a - b);
  const lanes: number[] = [];
  for (let lane = begin; lane < end; lane += 1) if (present.has(lane)) lanes.push(lane);
  return lanes;
}
