/**
 * The bfloat16 tree: value(leaf) = bf16(gradient), value(node) = bf16(float32(left + right)). Whichever workers add which lanes,
 * in plain TypeScript or in WebAssembly, and whatever travels as bfloat16, the root has the same bits.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBfloat16, encodeBfloat16 } from "../../shared/kernels/bfloat16.js";
import { SimdVectors } from "../../shared/kernels/simd.js";
import { RandomStream } from "../../shared/random.js";
import { childrenOf, coverOf, isLeaf, lanesBelow, rootOf, type TreeNode } from "../../shared/tree.js";
import { arithmeticOf, TreeSum } from "../../shared/tree-sum.js";

const width = 9;

/** Vectors whose sum depends on the order in which they are added and on when they are rounded. */
function laneGradients(lanes: number, seed: number): Float32Array[] {
  const random = new RandomStream(seed, 1);
  return Array.from({ length: lanes }, () =>
    new Float32Array(width).map(() => random.nextBetween(-1, 1) * 10 ** random.nextBelow(4)),
  );
}

/** What the other side of the wire gets. */
function sent(values: Float32Array): Float32Array {
  const halves = new Uint16Array(values.length);
  encodeBfloat16(values, halves);
  const received = new Float32Array(values.length);
  decodeBfloat16(halves, received);
  return received;
}

/** As it is defined. */
function nodeValue(
  node: TreeNode,
  present: ReadonlySet<number>,
  gradients: Float32Array[],
): Float32Array | null {
  if (isLeaf(node)) return present.has(node.begin) ? sent(gradients[node.begin] as Float32Array) : null;
  const [left, right] = childrenOf(node).map((child) => nodeValue(child, present, gradients));
  if (left == null || right == null) return left ?? right ?? null;
  return sent(left.map((value, i) => Math.fround(value + (right[i] as number))));
}

const plan = fc.integer({ min: 1, max: 33 }).chain((lanes) =>
  fc.record({
    lanes: fc.constant(lanes),
    seed: fc.nat(0xffff),
    present: fc
      .subarray(
        Array.from({ length: lanes }, (_, lane) => lane),
        { minLength: 1 },
      )
      .map((kept) => new Set(kept)),
    owners: fc.array(fc.nat(4), { minLength: lanes, maxLength: lanes }),
    workers: fc.constantFrom(1, 2, 3, 5),
  }),
);

it("the root is the same whichever workers add which lanes, and rounding what is sent changes nothing", () => {
  let differsFromFloat32 = 0;
  fc.assert(
    fc.property(plan, ({ lanes, seed, present, owners, workers }) => {
      const gradients = laneGradients(lanes, seed);
      const expected = nodeValue(rootOf(lanes), present, gradients) as Float32Array;
      const parts = Array.from({ length: workers }, (_, worker) => worker).flatMap((worker) => {
        const owned = new Set([...present].filter((lane) => (owners[lane] as number) % workers === worker));
        return coverOf(owned, present, lanes).flatMap((node) => {
          const sum = new TreeSum(lanes, present, arithmeticOf("bfloat16"));
          for (const lane of lanesBelow(node, present))
            sum.add({ begin: lane, end: lane + 1 }, (gradients[lane] as Float32Array).slice());
          return sum.parts;
        });
      });
      new RandomStream(seed, 2).shuffle(parts);
      const vectors = new SimdVectors(width);
      const release = (vector: Float32Array) => vectors.release(vector);
      const sum = new TreeSum(lanes, present, arithmeticOf("bfloat16", vectors.kernels, release));
      for (const { node, sum: value } of [...parts, ...parts]) {
        const vector = vectors.allocate();
        vector.set(sent(value));
        sum.add(node, vector);
      }
      expect([...(sum.root ?? [])]).toEqual([...expected]);
      // Every vector but the root's was given back, also those of parts that came twice.
      expect(vectors.used).toBe(1);
      sum.clear();
      expect(vectors.used).toBe(0);
      const float32 = new TreeSum(lanes, present);
      for (const lane of present)
        float32.add({ begin: lane, end: lane + 1 }, (gradients[lane] as Float32Array).slice());
      const late = sent(float32.root as Float32Array);
      if (late.some((value, i) => value !== expected[i])) differsFromFloat32 += 1;
    }),
    { numRuns: 200 },
  );
  expect(differsFromFloat32).toBeGreaterThan(50);
});
