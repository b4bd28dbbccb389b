/** What a run needs of its store's disk: estimated before the first step, said, warned of, or refused. */
import { expect, it } from "vitest";
import { type Reducers, Shell } from "../../coordinator/shell.js";
import { judgeSpace, spaceNeeded } from "../../coordinator/space.js";
import { createLogger } from "../../shared/log.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import { CoreDriver, tinyLayout, tinySpec } from "../support/core-driver.js";
import { MemoryStore } from "../support/memory-store.js";

const MiB = 1024 * 1024;
/** Weights of 4 MiB, without batch norms. */
const layout = { parameters: [], parameterCount: MiB, batchNorms: [], statisticsCount: 0 };
const load = { spec: tinySpec(), layout, steps: 1_000, held: 0 };

it("counts the weights and both moments of every checkpoint that lies in the store at once", () => {
  const need = spaceNeeded(load);
  // Two are kept, and a third is written before the oldest is deleted.
  expect(need).toMatchObject({ checkpoint: 12 * MiB, checkpoints: 36 * MiB, exports: 8 * MiB });
  const best = spaceNeeded({ ...load, spec: tinySpec({ exportWeights: "best" }) });
  expect(best.checkpoints).toBe(48 * MiB);
});

it("a run that goes on needs no space for the checkpoints that are there, and less for its curve", () => {
  const need = spaceNeeded({ ...load, held: 2, steps: 10 });
  expect(need.checkpoints).toBe(12 * MiB);
  expect(need.logs).toBeLessThan(spaceNeeded(load).logs);
});

it("says what is needed, warns when the disk has less, and refuses when nothing whole would fit", () => {
  const need = spaceNeeded({ ...load, steps: 0 });
  const parts = "checkpoints 36.0 MiB, export 8.0 MiB, curve and logs 1.0 MiB";
  expect(judgeSpace(need, 45 * MiB)).toEqual({
    isRefused: false,
    isScarce: false,
    sentence: `the run needs about 45.0 MiB (${parts}); the disk of the store has 45.0 MiB`,
  });
  expect(judgeSpace(need, 44 * MiB)).toMatchObject({
    isRefused: false,
    isScarce: true,
    sentence: expect.stringMatching(/^warning: the run needs .*has 44.0 MiB: free some space there/),
  });
  expect(judgeSpace(need, 19 * MiB)).toMatchObject({
    isRefused: true,
    sentence: expect.stringContaining("one checkpoint and the export need 20.0 MiB: free some space"),
  });
});

/** A coordinator whose first worker is ready, on a store with so much space. */
function coordinatorWith(freeBytes: number) {
  const core = new CoreDriver(tinySpec());
  const store = Object.assign(new MemoryStore(), { freeBytes: async () => freeBytes });
  const reducers: Pick<Reducers, "start" | "close"> = {
    start: () => new Promise(() => undefined),
    close: async () => undefined,
  };
  const shell = new Shell({
    spec: core.state.run.dimensions.spec,
    store,
    storeAddress: "memory:",
    state: core.state,
    host: "127.0.0.1",
    tensorPort: 0,
    reducers: 1,
    logger: createLogger({ role: "coordinator", level: "silent" }),
    metrics: coordinatorMetrics(),
    openReducers: () => reducers as Reducers,
  });
  const passOn = (event: Parameters<Shell["dispatch"]>[0]) => {
    shell.dispatch(event);
    return [];
  };
  Object.assign(core, { on: passOn }).joins("a");
  return shell;
}

it("the status says it as soon as the first worker has named the model", async () => {
  const shell = coordinatorWith(100 * MiB);
  await expect.poll(() => shell.status.space).toContain("the disk of the store has 100.0 MiB");
  await shell.close();
});

it("a run for which the disk has too little fails by name before its first step", async () => {
  const shell = coordinatorWith(tinyLayout.parameterCount);
  expect(await shell.ended).toMatchObject({
    tag: "failed",
    reason: expect.stringMatching(/^the disk of the store has 1 KiB, and one checkpoint and the export need/),
  });
  expect(shell.state.progress.step).toBe(0);
  await shell.close();
});
