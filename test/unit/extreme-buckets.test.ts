/** The charts' series stay small however long a run is, and show every spike. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chartBuckets, chartData } from "../../dashboard/chart-data.js";
import { ExtremeBuckets } from "../../dashboard/extreme-buckets.js";
import type { StepRow } from "../../shared/curve.js";

const stepOf = (step: number, loss: number): StepRow => ({
  step,
  epoch: 0,
  loss,
  accuracy: 0.5,
  learningRate: 1e-3,
  gradientNorm: 1,
  samples: 8,
  seconds: 0.01,
  crc32c: step,
  status: "applied",
});

interface Row {
  readonly at: number;
  readonly value: number | null;
}

/** Counts how many rows each call of `add` looks at. */
class Counted extends ExtremeBuckets<Row> {
  visited = 0;

  protected override select(rows: readonly Row[]): readonly Row[] {
    this.visited += rows.length;
    return super.select(rows);
  }
}

const bucketsOf = (values: readonly (number | null)[], most: number) => {
  const buckets = new Counted([({ value }) => value], most);
  for (const [at, value] of values.entries()) buckets.add({ at, value });
  return buckets;
};

describe("a down-sampled series", () => {
  const values = fc.array(
    fc.oneof(fc.double(), fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY)),
    { maxLength: 300 },
  );

  it("has the lowest and the highest value of all rows, a value that is not finite, and the last row", () => {
    fc.assert(
      fc.property(values, (given) => {
        const { rows } = bucketsOf(given, 8);
        const kept = rows.map(({ value }) => value);
        const finite = given.filter((value): value is number => value !== null && Number.isFinite(value));
        if (finite.length > 0) expect(kept).toContain(finite.reduce((a, b) => Math.min(a, b)));
        if (finite.length > 0) expect(kept).toContain(finite.reduce((a, b) => Math.max(a, b)));
        const isNotFinite = (value: number | null) => value !== null && !Number.isFinite(value);
        expect(kept.some(isNotFinite)).toBe(given.some(isNotFinite));
        expect(rows.at(-1)?.at).toBe(given.length === 0 ? undefined : given.length - 1);
      }),
    );
  });

  it("has each row once, in order, and at most three a bucket and the last", () => {
    fc.assert(
      fc.property(values, (given) => {
        const places = bucketsOf(given, 8).rows.map(({ at }) => at);
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
        expect(places.length).toBeLessThanOrEqual(3 * 8 + 1);
      }),
    );
  });

  it("is all rows while they are few", () => {
    expect(bucketsOf([3, null, 1, 2], 8).rows.map(({ value }) => value)).toEqual([3, null, 1, 2]);
  });

  it("costs a bounded number of looks for each row, also where buckets are merged", () => {
    const most = 64;
    const buckets = bucketsOf([], most);
    let mostVisited = 0;
    for (let at = 0; at < 100_000; at += 1) {
      const before = buckets.visited;
      buckets.add({ at, value: Math.sin(at) * at });
      mostVisited = Math.max(mostVisited, buckets.visited - before);
    }
    expect(mostVisited).toBeLessThanOrEqual(3 * most);
    expect(buckets.visited).toBeLessThan(5 * 100_000);
  });
});

describe("the chart of a run of 100,000 steps", () => {
  const spike = 77_777;
  const steps = Array.from({ length: 100_000 }, (_, step) =>
    stepOf(step, step === spike ? 50 : 1 / (1 + step)),
  );
  const { steps: shown } = chartData({ epochs: [], steps });

  it("shows a spike of one step", () => {
    expect(shown.loss[shown.step.indexOf(spike + 1)]).toBe(50);
  });

  it("ends with the last step, exact, and has few points", () => {
    expect([shown.step.at(-1), shown.loss.at(-1)]).toEqual([100_000, 1 / 100_000]);
    expect(shown.step.length).toBeLessThanOrEqual(3 * chartBuckets.steps + 1);
  });

  it("smooths over all steps, not over the chosen ones", () => {
    expect(shown.smoothed[shown.step.indexOf(spike + 1)]).toBeGreaterThan(2.4);
    expect(shown.smoothed[shown.step.indexOf(spike + 1)]).toBeLessThan(2.6);
  });
});
