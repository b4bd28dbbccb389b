/**
 * The reduction tree: whichever workers add which lanes, in whatever order, with repeats and with whole subtrees that come
 * late, the root has the bits of the plain recursive sum over the lanes that have samples.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../shared/limits.js";
import { RandomStream } from "../../shared/random.js";
import {
  childrenOf,
  coverOf,
  isLeaf,
  lanesBelow,
  nodesToSend,
  pathTo,
  rootOf,
  type TreeNode,
} from "../../shared/tree.js";
import { TreeSum } from "../../shared/tree-sum.js";

const width = 5;

/** Vectors whose sum depends on the order in which they are added. */
function laneVectors(lanes: number, seed: number): Float32Array[] {
  const random = new RandomStream(seed, 1);
  return Array.from({ length: lanes }, () =>
    new Float32Array(width).map(() => random.nextBetween(-1, 1) * 10 ** random.nextBelow(7)),
  );
}

/** The definition of docs/design/lanes-and-tree.md, written down as it stands there. */
function recursiveSum(
  node: TreeNode,
  present: ReadonlySet<number>,
  vectors: Float32Array[],
): Float32Array | null {
  if (node.end - node.begin === 1) return present.has(node.begin) ? (vectors[node.begin] ?? null) : null;
  const middle = node.begin + 2 ** (Math.ceil(Math.log2(node.end - node.begin)) - 1);
  const left = recursiveSum({ begin: node.begin, end: middle }, present, vectors);
  const right = recursiveSum({ begin: middle, end: node.end }, present, vectors);
  if (left === null || right === null) return left ?? right;
  return left.map((value, i) => Math.fround(value + (right[i] as number)));
}

function allNodes(node: TreeNode): TreeNode[] {
  return isLeaf(node) ? [node] : [node, ...childrenOf(node).flatMap(allNodes)];
}

/** Lanes, the ones with samples, and who owns each of them. */
const plan = fc.integer({ min: 1, max: 40 }).chain((lanes) =>
  fc.record({
    lanes: fc.constant(lanes),
    seed: fc.nat(0xffff),
    present: fc
      .subarray(
        Array.from({ length: lanes }, (_, lane) => lane),
        { minLength: 1 },
      )
      .map((kept) => new Set(kept)),
    owners: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: lanes, maxLength: lanes }),
  }),
);
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const ownedBy = ({ owners, present }: Plan, worker: number) =>
  new Set([...present].filter((lane) => owners[lane] === worker));

/** What a worker sends: its lanes added along the tree, as the nodes that cover them. */
function sentBy(given: Plan, worker: number, vectors: Float32Array[]) {
  const owned = ownedBy(given, worker);
  return nodesToSend(owned, given.present, given.lanes).map((node) => ({
    node,
    sum: recursiveSum(node, given.present, vectors) as Float32Array,
  }));
}

const bits = (vector: Float32Array | null | undefined) => [
  ...new Uint32Array((vector ?? new Float32Array()).slice().buffer),
];

describe("the tree", () => {
  it("splits at the largest power of two below the width, down to single lanes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (lanes) => {
        const leaves = allNodes(rootOf(lanes)).filter(isLeaf);
        expect(leaves.map((leaf) => leaf.begin)).toEqual(Array.from({ length: lanes }, (_, lane) => lane));
        for (const node of allNodes(rootOf(lanes))) expect(pathTo(node, lanes)?.at(-1)).toEqual(node);
      }),
      { numRuns: 30 },
    );
    expect(childrenOf({ begin: 0, end: 7 })).toEqual([
      { begin: 0, end: 4 },
      { begin: 4, end: 7 },
    ]);
    expect(childrenOf({ begin: 4, end: 7 })[0]).toEqual({ begin: 4, end: 6 });
  });

  it("has no node but those", () => {
    expect(pathTo({ begin: 1, end: 3 }, 4)).toBeNull();
    expect(pathTo({ begin: 0, end: 5 }, 4)).toBeNull();
    expect(pathTo({ begin: 2, end: 2 }, 4)).toBeNull();
    expect(pathTo({ begin: -1, end: 1 }, 4)).toBeNull();
  });
});

describe("coverOf", () => {
  it("covers exactly the owned lanes that have samples, each once, in lane order", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const owned = ownedBy(given, 0);
        const cover = coverOf(owned, given.present, given.lanes);
        const covered = cover.flatMap((node) => lanesBelow(node, given.present));
        expect(covered).toEqual([...owned].sort((a, b) => a - b));
      }),
    );
  });

  it("is minimal: no node above one of its nodes has only owned lanes, none has no lane", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const owned = ownedBy(given, 0);
        for (const node of coverOf(owned, given.present, given.lanes)) {
          expect(lanesBelow(node, given.present).length).toBeGreaterThan(0);
          const parent = pathTo(node, given.lanes)?.at(-2);
          if (parent === undefined) continue;
          expect(lanesBelow(parent, given.present).every((lane) => owned.has(lane))).toBe(false);
        }
      }),
    );
  });
});

describe("nodesToSend", () => {
  it("covers the owned lanes with nodes of at most eight present lanes, each of which is below the cover's", () => {
    const wide = fc.tuple(fc.integer({ min: 9, max: 200 }), fc.nat(0xffff)).map(([lanes, seed]) => {
      const random = new RandomStream(seed, 5);
      const all = Array.from({ length: lanes }, (_, lane) => lane);
      const present = new Set(all.filter(() => random.nextBelow(8) > 0));
      const end = 1 + random.nextBelow(lanes);
      return { lanes, present, owned: new Set([...present].filter((lane) => lane < end)) };
    });
    fc.assert(
      fc.property(wide, ({ lanes, present, owned }) => {
        const sent = nodesToSend(owned, present, lanes);
        expect(sent.flatMap((node) => lanesBelow(node, present))).toEqual([...owned]);
        const cover = coverOf(owned, present, lanes);
        for (const node of sent) {
          const { length } = lanesBelow(node, present);
          expect(length > 0 && length <= limits.nodeLanes).toBe(true);
          expect(pathTo(node, lanes)).not.toBeNull();
          expect(cover.some(({ begin, end }) => begin <= node.begin && node.end <= end)).toBe(true);
        }
      }),
    );
  });

  it("gives a worker with all of 128 lanes sixteen nodes, and one with a run of eight lanes a single one", () => {
    const all = (lanes: number) => new Set(Array.from({ length: lanes }, (_, lane) => lane));
    expect(nodesToSend(all(128), all(128), 128)).toHaveLength(16);
    expect(nodesToSend(all(8), all(8), 8)).toEqual([{ begin: 0, end: 8 }]);
  });
});

describe("a sum along the tree", () => {
  it("has the bits of the recursive sum for any owners and any order, with repeats and parts of others' parts", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const vectors = laneVectors(given.lanes, given.seed);
        const parts = [0, 1, 2, 3, 4].flatMap((worker) => sentBy(given, worker, vectors));
        // Redone work: any other node, complete in itself, before or after the parts that it contains.
        const redone = allNodes(rootOf(given.lanes))
          .filter((node) => lanesBelow(node, given.present).length > 0)
          .map((node) => ({ node, sum: recursiveSum(node, given.present, vectors) as Float32Array }));
        const random = new RandomStream(given.seed, 2);
        const arrivals = [...parts, ...parts, ...redone.filter(() => random.nextBelow(4) === 0)];
        random.shuffle(arrivals);
        const sum = new TreeSum(given.lanes, given.present);
        for (const { node, sum: vector } of arrivals) sum.add(node, vector.slice());
        expect(bits(sum.root)).toEqual(bits(recursiveSum(rootOf(given.lanes), given.present, vectors)));
        expect(sum.parts).toHaveLength(1);
      }),
    );
  });

  it("is there with the last missing part and not before; what comes again is dropped", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const vectors = laneVectors(given.lanes, given.seed);
        const leaves = [...given.present].map((lane) => ({ begin: lane, end: lane + 1 }));
        new RandomStream(given.seed, 3).shuffle(leaves);
        const sum = new TreeSum(given.lanes, given.present);
        for (const leaf of leaves) {
          expect(sum.root).toBeUndefined();
          expect(sum.add(leaf, (vectors[leaf.begin] as Float32Array).slice())).toBe(true);
          expect(sum.add(leaf, new Float32Array(width))).toBe(false);
        }
        expect(bits(sum.root)).toEqual(bits(recursiveSum(rootOf(given.lanes), given.present, vectors)));
      }),
    );
  });

  it("holds the cover of the lanes that came, when some never do", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const vectors = laneVectors(given.lanes, given.seed);
        const owned = ownedBy(given, 0);
        const sum = new TreeSum(given.lanes, given.present);
        for (const lane of owned)
          sum.add({ begin: lane, end: lane + 1 }, (vectors[lane] as Float32Array).slice());
        expect(sum.parts.map((part) => part.node)).toEqual(coverOf(owned, given.present, given.lanes));
        for (const part of sum.parts) {
          expect(bits(part.sum)).toEqual(bits(recursiveSum(part.node, given.present, vectors)));
        }
      }),
    );
  });

  it("of 4,096 lanes in order keeps at most 13 vectors", () => {
    const lanes = 4_096;
    const sum = new TreeSum(lanes, new Set(Array.from({ length: lanes }, (_, lane) => lane)));
    let most = 0;
    for (let lane = 0; lane < lanes; lane += 1) {
      sum.add({ begin: lane, end: lane + 1 }, Float32Array.of(1));
      most = Math.max(most, sum.parts.length);
    }
    expect(most).toBeLessThanOrEqual(13);
    expect([...(sum.root ?? [])]).toEqual([lanes]);
  });

  it("drops a node whose lanes have no samples, and refuses a node that the tree does not have", () => {
    const sum = new TreeSum(4, new Set([0, 1]));
    expect(sum.add({ begin: 2, end: 4 }, Float32Array.of(9))).toBe(false);
    expect(() => sum.add({ begin: 1, end: 3 }, Float32Array.of(9))).toThrow("no node 1-3");
    sum.add({ begin: 0, end: 1 }, Float32Array.of(1));
    sum.add({ begin: 1, end: 2 }, Float32Array.of(2));
    expect([...(sum.root ?? [])]).toEqual([3]);
  });
});
