import fc from "fast-check";
import { expect, it } from "vitest";
import {
  type Curve,
  type EpochRow,
  epochsCsvPieces,
  fromJson,
  jsonPieces,
  type StepRow,
  stepsCsvPieces,
} from "../../shared/curve.js";

const float64 = fc.double();
const count = fc.nat(2 ** 31 - 1);
const stepRow: fc.Arbitrary<StepRow> = fc.record({
  step: count,
  epoch: count,
  loss: fc.option(float64),
  accuracy: fc.option(float64),
  learningRate: float64,
  gradientNorm: fc.option(float64),
  samples: count,
  seconds: float64,
  crc32c: fc.integer({ min: 0, max: 0xffffffff }),
  status: fc.constantFrom("applied", "skipped"),
});
const epochRow: fc.Arbitrary<EpochRow> = fc.record({
  epoch: count,
  step: count,
  loss: fc.option(float64),
  accuracy: fc.option(float64),
  validationLoss: fc.option(float64),
  validationAccuracy: fc.option(float64),
  learningRate: float64,
  seconds: float64,
  imagesPerSecond: fc.option(float64),
});
const curve: fc.Arbitrary<Curve> = fc.record({
  format: fc.constant("trainyard-curve/1" as const),
  run: fc.string(),
  epochs: fc.array(epochRow, { maxLength: 4 }),
  steps: fc.array(stepRow, { maxLength: 4 }),
});

const text = (pieces: Iterable<string>) => [...pieces].join("");

/** JSON writes -0 as 0; a curve's numbers have no use for the sign of zero. */
const withoutNegativeZero = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, item) => (typeof item === "number" ? { bits: String(item) } : item)),
  );

it("a curve comes back from JSON to the last bit, NaN and infinities included", () => {
  fc.assert(
    fc.property(curve, (given) => {
      expect(withoutNegativeZero(fromJson(text(jsonPieces(given))))).toEqual(withoutNegativeZero(given));
    }),
  );
});

it("a number in the CSV is the number, and none is an empty cell", () => {
  fc.assert(
    fc.property(stepRow, (row) => {
      const [header, cells] = text(stepsCsvPieces({ run: "r", epochs: [], steps: [row] }))
        .split("\n")
        .map((line) => line.split(","));
      const at = (column: string) => cells?.[header?.indexOf(column) ?? -1];
      expect(at("loss")).toBe(row.loss === null ? "" : String(row.loss));
      expect(at("crc32c")).toBe(String(row.crc32c));
    }),
  );
});

it("the CSV of no epochs is its header", () => {
  expect(text(epochsCsvPieces({ run: "r", epochs: [], steps: [] }))).toBe(
    "epoch,step,loss,accuracy,validationLoss,validationAccuracy,learningRate,seconds,imagesPerSecond\n",
  );
});

it("what is not a curve is named", () => {
  expect(() => fromJson("{", "runs/a/curve.json")).toThrow("runs/a/curve.json is not JSON");
  expect(() => fromJson('{"format":"trainyard-curve/1"}', "runs/a/curve.json")).toThrow(
    /is not a curve: run/,
  );
  expect(() => fromJson('{"format":"trainyard-curve/2"}', "runs/a/curve.json")).toThrow(
    /^runs\/a\/curve\.json has the format trainyard-curve\/2, and Trainyard \S+ reads trainyard-curve\/1: another version/,
  );
});
