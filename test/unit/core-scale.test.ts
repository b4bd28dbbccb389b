/**
 * The core at its limits: 4,096 lanes, a thousand workers. No event may cost more than a few milliseconds, or the
 * coordinator would fall behind its heartbeats. Times are medians (0.05 to 2 ms on two cores); the bound leaves room
 * for a busy machine.
 */
import { expect, it } from "vitest";
import { CoreDriver, sent, tinySpec } from "../support/core-driver.js";

const lanes = 4_096;
const names = Array.from({ length: 1_000 }, (_, index) => `worker-${index}`);

function medianMs(runs: readonly (() => void)[]): number {
  const times = runs.map((run) => {
    const startedMs = performance.now();
    run();
    return performance.now() - startedMs;
  });
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

it("takes a thousand workers, 4,096 lanes, a mass exodus and a large evaluation, each event in milliseconds", () => {
  const labels = Array.from({ length: 60_000 }, () => 0);
  const core = new CoreDriver(tinySpec({ lanes, batchSize: 2 * lanes, epochs: 1 }), 2 * lanes, labels);
  core.begins("first");
  expect(core.assigned["first"]).toHaveLength(lanes);
  const joining = medianMs(names.map((name) => () => core.joins(name)));
  core.on({ tag: "left", worker: "first", reason: "killed" });
  const shares = Object.values(core.assigned).map((share) => share.length);
  expect(shares).toHaveLength(names.length);
  expect([Math.min(...shares), Math.max(...shares)]).toEqual([4, 5]);
  const gone = names.slice(0, 300);
  const leaving = medianMs(gone.map((worker) => () => core.on({ tag: "left", worker, reason: "killed" })));
  expect(Object.values(core.assigned).flat()).toHaveLength(lanes);
  const tick = medianMs(Array.from({ length: 20 }, () => () => core.passes(1)));
  const out = Object.entries(core.assigned).flatMap(([worker, share]) =>
    share.map((lane) => ({ worker, lane })),
  );
  const suspects = out.slice(0, 100);
  const poisoned = medianMs(
    suspects.map(
      ({ worker, lane }) =>
        () =>
          core.record(worker, lane, { finite: false }),
    ),
  );
  const record = medianMs(
    Object.entries(core.assigned).flatMap(([worker, share]) =>
      share.map((lane) => () => core.record(worker, lane)),
    ),
  );
  core.sliceWhole();
  const evaluation = medianMs([() => core.committed()]);
  expect(sent(core.effects, "evaluate").length).toBe(700);
  const worst = { joining, leaving, tick, poisoned, record, evaluation };
  expect(Object.entries(worst).filter(([, ms]) => ms > 20)).toEqual([]);
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
    });
    expect(dropped).toMatchObject([{ tag: "dropped", reason: "wrong statistics" }]);
  }
  core.completesStep();
  expect(core.state.progress.step).toBe(1);
});
