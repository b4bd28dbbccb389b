/** What HTTP answers of a long curve costs the coordinator's thread little: work is counted, not timed. */
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { CurveRecord, rowsPerPage } from "../../coordinator/curve/curve-record.js";
import { StepColumns } from "../../coordinator/curve/step-columns.js";
import { coordinatorRoutes } from "../../coordinator/routes.js";
import type { Shell } from "../../coordinator/shell.js";
import { EpochRow, StepRow } from "../../shared/curve.js";

const stepOf = (step: number): StepRow => ({
  step,
  epoch: Math.floor(step / 100),
  loss: step === 3 ? Number.NaN : step === 4 ? null : Math.sin(step) / 3,
  accuracy: 1 / (step + 1),
  learningRate: 1e-3,
  gradientNorm: step === 4 ? null : Math.sqrt(step),
  samples: 32,
  seconds: 0.0123,
  crc32c: 0xffffffff - step,
  status: step === 3 || step === 4 ? "skipped" : "applied",
});
const epochOf = (epoch: number): EpochRow => ({
  epoch,
  step: 100 * (epoch + 1),
  loss: 1 / (epoch + 1),
  accuracy: 0.5,
  validationLoss: null,
  validationAccuracy: null,
  learningRate: 1e-3,
  seconds: 1,
  imagesPerSecond: 3200,
});

const length = 100_000;
let curve: CurveRecord;
beforeAll(() => {
  curve = new CurveRecord("long");
  for (let step = 0; step < length; step += 1) {
    curve.addStep(stepOf(step));
    if (step % 100 === 99) curve.addEpoch(epochOf((step - 99) / 100));
  }
});

async function ask(path: string, query = "") {
  const shell = { journal: { curve } } as unknown as Shell;
  const route = coordinatorRoutes(() => shell).find((one) => one.path === path);
  const reply = await route?.reply(new URLSearchParams(query));
  return { status: reply?.status ?? 200, text: reply?.body ?? "", body: JSON.parse(reply?.body ?? "null") };
}

describe("/curve after 100,000 steps", () => {
  it("looks at no step again, is encoded once for all readers, and is small", async () => {
    const row = vi.spyOn(StepColumns.prototype, "row");
    curve.addStep(stepOf(length));
    const stringify = vi.spyOn(JSON, "stringify");
    const texts = [];
    for (let reader = 0; reader < 20; reader += 1) texts.push((await ask("/curve")).text);
    expect(row).not.toHaveBeenCalled();
    expect(stringify).toHaveBeenCalledTimes(1);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]?.length).toBeLessThan(300_000);
    vi.restoreAllMocks();
  });

  it("is encoded anew after another step, whose row is the last one", async () => {
    const { body: before } = await ask("/curve");
    curve.addStep(stepOf(before.committedSteps));
    const { body } = await ask("/curve");
    expect(body).toMatchObject({ format: "trainyard-curve-overview/1", run: "long" });
    expect(body.committedSteps).toBe(before.committedSteps + 1);
    expect(body.series.steps.step.at(-1)).toBe(body.committedSteps);
    expect(body.series.steps.loss.at(-1)).toBe(stepOf(body.committedSteps - 1).loss);
  });

  it("is the same for the same rows, whenever it was asked for", () => {
    const [asked, unasked] = [new CurveRecord("r"), new CurveRecord("r")];
    for (let step = 0; step < 5_000; step += 1) {
      asked.addStep(stepOf(step));
      unasked.addStep(stepOf(step));
      if (step % 7 === 0) expect(asked.overviewText).toContain("overview");
    }
    expect(asked.overviewText).toBe(unasked.overviewText);
  });
});

describe("exact rows", () => {
  it("of a range are what was committed, to the last bit", async () => {
    const { body } = await ask("/curve/steps", "from=2&to=5");
    expect(body.steps.map((row: unknown) => StepRow.parse(row))).toEqual([2, 3, 4].map(stepOf));
    expect(body.next).toBeNull();
    const epochs = await ask("/curve/epochs", "from=998");
    expect(epochs.body.epochs.map((row: unknown) => EpochRow.parse(row))).toEqual([998, 999].map(epochOf));
  });

  it("come a page at a time; no call reads more rows than a page has", async () => {
    const row = vi.spyOn(StepColumns.prototype, "row");
    let [from, seen]: [number | null, number] = [50_000, 0];
    while (from !== null) {
      row.mockClear();
      const { body } = await ask("/curve/steps", `from=${from}&to=51000`);
      expect(row.mock.calls.length).toBeLessThanOrEqual(rowsPerPage + 1);
      seen += body.steps.length;
      from = body.next;
    }
    expect(seen).toBe(1000);
    vi.restoreAllMocks();
  });

  it("of a range without rows are none", async () => {
    expect((await ask("/curve/steps", "from=5&to=5")).body).toMatchObject({ steps: [], next: null });
    expect((await ask("/curve/steps", "from=9&to=5")).body).toMatchObject({ steps: [], next: null });
    expect((await ask("/curve/steps", "from=99999999")).body).toMatchObject({ steps: [], next: null });
  });

  it.each(["from=-1", "from=x", "to=1.5", "from="])("are refused in a sentence for ?%s", async (query) => {
    const { status, body } = await ask("/curve/steps", query);
    expect(status).toBe(400);
    expect(body.error).toContain("whole numbers");
  });
});

describe("columns of steps", () => {
  let columns: StepColumns;
  beforeEach(() => {
    columns = new StepColumns();
  });

  it("give back every row, also across blocks", () => {
    for (let step = 0; step < 10_000; step += 1) columns.push(stepOf(step));
    expect([...columns]).toEqual(Array.from({ length: 10_000 }, (_, step) => stepOf(step)));
  });

  it("find a step by its number where the curve has a gap", () => {
    for (const step of [0, 1, 5, 6]) columns.push(stepOf(step));
    expect([0, 1, 2, 5, 6, 7].map((step) => columns.positionOf(step))).toEqual([0, 1, 2, 2, 3, 4]);
    expect(() => columns.row(4)).toThrow("no row at position 4 of 4");
  });
});
