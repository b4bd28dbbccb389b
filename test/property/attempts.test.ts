/**
 * A slice under any sequence of begun and begun-again steps, late, repeated, banned and audited uploads: a root is
 * whole exactly when the present lanes of this attempt are in it, and it is their sum and nothing else's.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import type { Claim, StepBeginning } from "../../coordinator/reducers/step-partials.js";
import { lanesBelow, type TreeNode } from "../../shared/tree.js";
import { ownedBy } from "../support/slice-vectors.js";

const lanes = 4;
const count = lanes + 1;
const workers = ["a", "b", "c"];
const nodes: TreeNode[] = [
  { begin: 0, end: 1 },
  { begin: 1, end: 2 },
  { begin: 2, end: 3 },
  { begin: 3, end: 4 },
  { begin: 0, end: 2 },
  { begin: 2, end: 4 },
  { begin: 0, end: 4 },
];

const move = fc.oneof(
  { weight: 1, arbitrary: fc.record({ tag: fc.constant("again" as const), banned: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ tag: fc.constant("next" as const), absent: fc.nat(lanes) }) },
  {
    weight: 1,
    arbitrary: fc.record({ tag: fc.constant("watch" as const), node: fc.constantFrom(...nodes) }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      tag: fc.constant("upload" as const),
      worker: fc.constantFrom(...workers),
      node: fc.constantFrom(...nodes),
      kind: fc.constantFrom("GRADIENT" as const, "AUDIT" as const),
      /** How many attempts ago it was computed. */
      age: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
      isLie: fc.boolean(),
    }),
  },
);

/** Exact: a one for each present lane of the node, and in the last element which attempt it is of. */
function sumOf(node: TreeNode, begun: StepBeginning): Float32Array {
  const sum = new Float32Array(count);
  const below = lanesBelow(node, new Set(begun.present));
  for (const lane of below) sum[lane] = 1;
  sum[lanes] = below.length * (100 * begun.step + begun.attempt);
  return sum;
}

const spoilt = (sum: Float32Array) => sum.map((value) => value + 0.5);

it("a slice sums this attempt's lanes, each once, whatever else comes", () => {
  const seen = { whole: 0, compared: 0, different: 0, stale: 0 };
  fc.assert(
    fc.property(fc.array(move, { minLength: 60, maxLength: 120 }), (moves) => {
      const slice = new ReducedSlice({ slice: 0, begin: 0, end: count }, { lanes, momentVectors: 2 });
      const history: StepBeginning[] = [];
      const begin = (beginning: StepBeginning) => {
        history.push(beginning);
        slice.begin(beginning);
        isWhole = false;
      };
      let isWhole = false;
      begin({ step: 0, attempt: 0, present: [0, 1, 2, 3], banned: [] });
      for (const one of moves) {
        const now = history.at(-1) as StepBeginning;
        if (one.tag === "again")
          begin({ ...now, attempt: now.attempt + 1, banned: workers.slice(0, one.banned) });
        else if (one.tag === "next") {
          const present = [0, 1, 2, 3].filter((lane) => lane !== one.absent);
          begin({ step: now.step + 1, attempt: 0, present, banned: now.banned });
        } else if (one.tag === "watch") slice.watch(now.step, one.node);
        else {
          const computedFor = history.at(-1 - one.age) ?? now;
          const { step, attempt } = computedFor;
          const claim: Claim = { step, attempt, node: one.node, kind: one.kind, worker: one.worker };
          const sum = sumOf(one.node, computedFor);
          const isAudit = one.kind === "AUDIT";
          const judged = slice.judge(claim);
          const taken = slice.take(claim, ownedBy(slice, isAudit && one.isLie ? spoilt(sum) : sum));
          expect(taken.verdict).toBe(judged);
          if (computedFor !== now || now.banned.includes(one.worker)) {
            expect(taken).toEqual({ verdict: "stale", report: null, comparison: null });
            seen.stale += 1;
          }
          if (isAudit) expect(taken.report).toBeNull();
          if (taken.comparison !== null) {
            const { agrees, differs, worker } = taken.comparison;
            expect([...agrees, ...differs]).not.toContain(worker);
            seen.compared += 1;
            seen.different += differs.length > 0 ? 1 : 0;
          }
          if (taken.report === null) continue;
          expect(isWhole).toBe(false); // once an attempt
          isWhole = true;
          seen.whole += 1;
          const root = sumOf({ begin: 0, end: lanes }, now);
          const squares = root.reduce((total, value) => total + value * value, 0);
          expect(taken.report?.blockSums).toEqual(Float64Array.of(squares));
        }
      }
      begin({ step: 1_000_000, attempt: 0, present: [], banned: [] });
      expect(slice.vectors.used).toBe(0); // nothing of all that is kept
    }),
    { numRuns: 300 },
  );
  // The moves reach what the promise is about.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(20);
});
