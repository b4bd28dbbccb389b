/** Who computes what in a full step, as the coordinator divides it among equal workers: alike workers as one class. */
import { limits } from "../shared/limits.js";
import { childrenOf, rootOf, type TreeNode } from "../shared/tree.js";

/** Workers whose shares look alike. */
export interface WorkerClass {
  readonly count: number;
  /** Lanes of each node that one of them sends, in the order in which it computes them. Empty: spares. */
  readonly nodes: readonly number[];
}

/** The first workers get one lane more where it doesn't come out even; workers beyond the lanes stand by. */
export function workerClasses(lanes: number, workers: number): WorkerClass[] {
  const classes = new Map<string, { count: number; nodes: number[] }>();
  const [base, extra] = [Math.floor(lanes / workers), lanes % workers];
  let begin = 0;
  for (let worker = 0; worker < workers; worker += 1) {
    const end = begin + base + (worker < extra ? 1 : 0);
    const nodes = nodesOfRange({ begin, end }, lanes).map((node) => node.end - node.begin);
    const known = classes.get(nodes.join());
    if (known === undefined) classes.set(nodes.join(), { count: 1, nodes });
    else known.count += 1;
    begin = end;
  }
  return [...classes.values()];
}

/** The nodes that a worker sends for a range of present lanes, in lane order: `nodesToSend` at the cost of the tree's depth. */
export function nodesOfRange(range: TreeNode, lanes: number): TreeNode[] {
  const cover: TreeNode[] = [];
  const visit = (node: TreeNode) => {
    if (node.end <= range.begin || node.begin >= range.end) return;
    if (isWithin(node, range) && node.end - node.begin <= limits.nodeLanes) cover.push(node);
    else childrenOf(node).forEach(visit);
  };
  visit(rootOf(lanes));
  return cover;
}

const isWithin = (node: TreeNode, range: TreeNode) => node.begin >= range.begin && node.end <= range.end;
