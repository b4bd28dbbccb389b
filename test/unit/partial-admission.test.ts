/** One verdict on every partial: each combination of what it rests on, and what it does to a slice's memory. */
import { expect, it } from "vitest";
import {
  PartialAdmission,
  type PartialFacts,
  type PartialVerdict,
  verdictOf,
} from "../../coordinator/reducers/partial-admission.js";
import { PartialReceiver } from "../../coordinator/reducers/partial-receiver.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { realClock } from "../../shared/clock.js";
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { ownedBy } from "../support/slice-vectors.js";

const all: PartialFacts[] = [null, "no ticket"].flatMap((refusal) =>
  [true, false].flatMap((isThisSlice) =>
    (["early", "current", "past"] as const).flatMap((time) =>
      [true, false].flatMap((isGranted) =>
        (["wanted", "dropped", "stale"] as const).map((sum) => ({
          refusal,
          isThisSlice,
          time,
          isGranted,
          sum,
        })),
      ),
    ),
  ),
);

/** Each row: the facts that matter, and the verdict on every partial with them. No two rows hold the same partial. */
const table: readonly [Partial<PartialFacts>, PartialVerdict["tag"], number][] = [
  [{ refusal: "no ticket" }, "refused", 36],
  [{ refusal: null, isThisSlice: false }, "stale", 18],
  [{ refusal: null, isThisSlice: true, time: "early" }, "early", 6],
  [{ refusal: null, isThisSlice: true, time: "past" }, "stale", 6],
  [{ refusal: null, isThisSlice: true, time: "current", isGranted: false }, "stale", 3],
  [{ refusal: null, isThisSlice: true, time: "current", isGranted: true, sum: "stale" }, "stale", 1],
  [{ refusal: null, isThisSlice: true, time: "current", isGranted: true, sum: "dropped" }, "dropped", 1],
  [{ refusal: null, isThisSlice: true, time: "current", isGranted: true, sum: "wanted" }, "admitted", 1],
];

const matching = (row: Partial<PartialFacts>) =>
  all.filter((facts) =>
    Object.entries(row).every(([name, value]) => facts[name as keyof PartialFacts] === value),
  );

it.each(table)("a partial with %o is %s", (row, tag, count) => {
  expect(matching(row)).toHaveLength(count);
  for (const facts of matching(row)) expect(verdictOf(facts).tag).toBe(tag);
});

it("the table has every combination once, and every verdict but admitted has a reason", () => {
  expect(table.reduce((sum, [, , count]) => sum + count, 0)).toBe(all.length);
  for (const facts of all) {
    const verdict = verdictOf(facts);
    expect(verdict.tag === "admitted" || verdict.reason.length > 0).toBe(true);
  }
});

const at = { run: "r", generation: 3, slice: 0 };
const credentials = { worker: "a", ticket: "" };
const values = Float32Array.of(1, 2, 3, 4);

function sliceAtStep(step: number): ReducedSlice {
  const slice = new ReducedSlice({ slice: 0, begin: 0, end: 4 }, { lanes: 2, momentVectors: 2 });
  slice.load(ownedBy(slice, values));
  slice.begin({ step, attempt: 1, present: [0, 1], banned: ["banned"] });
  return slice;
}

const chunkOf = (change: object = {}) => ({
  ...{ ...at, step: 5, attempt: 1, beginLane: 0, endLane: 1, kind: "GRADIENT" as const, worker: "a" },
  ...{ offset: 0, data: bytesOf(values), crc32c: crc32c(bytesOf(values)) },
  ...change,
});

it.each([
  [{}, "admitted"],
  [{ run: "other" }, "stale"],
  [{ generation: 2 }, "stale"],
  [{ slice: 1 }, "stale"],
  [{ step: 4, attempt: 9 }, "stale"],
  [{ attempt: 0 }, "stale"],
  [{ attempt: 2 }, "early"],
  [{ step: 6, attempt: 0 }, "early"],
  [{ worker: "banned" }, "stale"],
  [{ kind: "AUDIT" }, "stale"],
  [{ kind: "INITIAL" }, "dropped"],
])("a chunk with %o is judged %s", (change, tag) => {
  const admission = new PartialAdmission(at, sliceAtStep(5), null);
  expect(admission.judge(chunkOf(change), credentials).tag).toBe(tag);
});

it("a partial whose last chunk is of another generation is stale, and gives its memory back", async () => {
  const slice = sliceAtStep(5);
  const used = slice.vectors.used;
  const answers: string[] = [];
  const events = {
    loaded: () => undefined,
    whole: () => answers.push("whole"),
    compared: () => undefined,
    received: () => undefined,
    refused: (status: string) => answers.push(status),
  };
  const receiver = new PartialReceiver({
    slice,
    wire: "float32",
    admission: new PartialAdmission(at, slice, null),
    isOneStreamPerWorker: false,
    events,
    clock: realClock,
  });
  const half = (begin: number) => bytesOf(values.subarray(begin, begin + 2));
  async function* messages() {
    yield chunkOf({ data: half(0) });
    yield chunkOf({ data: half(2), offset: 2, generation: 2 });
  }
  await receiver.receive({
    credentials,
    isOver: false,
    messages,
    acknowledge: async () => undefined,
    end: () => answers.push("end"),
    refuse: (reason: string) => answers.push(reason),
    cut: () => undefined,
    onOver: () => () => undefined,
  });
  expect(answers).toEqual(["STALE", "end"]);
  expect(slice.vectors.used).toBe(used);
});
