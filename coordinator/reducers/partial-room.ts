/**
 * Which partials may be assembled now, so that a slice's memory does not grow with the number of workers: a sender
 * without room keeps its partial, held back by its stream's window. Lanes that come in order merge as they come and
 * need about log2(lanes) vectors, so the next lane is always let in; others while there is room.
 */
import { limits } from "../../shared/limits.js";
import type { TreeNode } from "../../shared/tree.js";

export interface Occupancy {
  /** Nodes whose sum is kept until its sibling comes. */
  readonly kept: readonly TreeNode[];
  /** Nodes that are being assembled. */
  readonly underWay: readonly TreeNode[];
  /** Lanes that have samples in this step, in order. */
  readonly present: readonly number[];
}

/** How many vectors of this length a slice has room for, whatever the order in which lanes arrive; at least one. */
export const roomFor = (length: number) => 1 + Math.floor(limits.partialsBytes / (4 * length));

/** How many weights versions of this length may be sent at once; the readers of older ones are cut. */
export const versionsKept = (length: number) => Math.max(limits.versionsMin, roomFor(length));

/** The slice has room to assemble this node beside the nodes that it keeps and assembles. `room`: see `roomFor`. */
export function hasRoom(node: TreeNode, { kept, underWay, present }: Occupancy, room: number): boolean {
  if (kept.length + underWay.length < room) return true;
  const isCovered = (lane: number) => [...kept, ...underWay].some((one) => covers(one, lane));
  const next = present.find((lane) => !isCovered(lane));
  // One at a time: else each that follows would be the next as soon as the one before it has begun.
  return next !== undefined && covers(node, next) && underWay.length === 0;
}

const covers = ({ begin, end }: TreeNode, lane: number) => begin <= lane && lane < end;
