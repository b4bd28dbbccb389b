/** The core at its limits: 4,096 lanes, a thousand workers that join at once, a mass exodus, a large evaluation. */
import { expect, it } from "vitest";
import { CoreDriver, sent, tinySpec } from "../support/core-driver.js";

const lanes = 4_096;
const names = Array.from({ length: 1_000 }, (_, index) => `worker-${index}`);

it("keeps every lane with exactly one worker while a thousand join and three hundred leave", () => {
  const labels = Array.from({ length: 60_000 }, () => 0);
  const core = new CoreDriver(tinySpec({ lanes, batchSize: 2 * lanes, epochs: 1 }), 2 * lanes, labels);
  core.begins("first");
  expect(core.assigned["first"]).toHaveLength(lanes);
  for (const name of names) core.joins(name);
  core.on({ tag: "left", worker: "first", reason: "killed" });
  const shares = Object.values(core.assigned).map((share) => share.length);
  expect(shares).toHaveLength(names.length);
  expect([Math.min(...shares), Math.max(...shares)]).toEqual([4, 5]);
  for (const worker of names.slice(0, 300)) core.on({ tag: "left", worker, reason: "killed" });
  expect(Object.values(core.assigned).flat()).toHaveLength(lanes);
  const out = () =>
    Object.entries(core.assigned).flatMap(([worker, share]) => share.map((lane) => ({ worker, lane })));
  // One lane of a hundred workers each: who returns three of them is drained.
  const first = new Map(out().map(({ worker, lane }) => [worker, lane]));
  for (const [worker, lane] of [...first].slice(0, 100)) core.record(worker, lane, { finite: false });
  expect(Object.values(core.assigned).flat()).toHaveLength(lanes);
  for (const { worker, lane } of out()) core.record(worker, lane);
  core.sliceWhole();
  core.committed();
  expect(sent(core.effects, "evaluate")).toHaveLength(700);
});

it("drops a record whose statistics are cut, in mid number or at all, and goes on", () => {
  const core = new CoreDriver(tinySpec());
  core.begins("a");
  for (const byteLength of [0, 8, 13, 24]) {
    const dropped = core.says("a", {
      kind: "laneRecord",
      step: 0,
      lane: 1,
      samples: 2,
      finite: true,
      lossSum: 1,
      correct: 1,
      statistics: new Uint8Array(byteLength),
      computeSeconds: 0.1,
      attempt: 0,
    });
    expect(dropped).toMatchObject([{ tag: "dropped", reason: "wrong statistics" }]);
  }
  core.completesStep();
  expect(core.state.progress.step).toBe(1);
});
