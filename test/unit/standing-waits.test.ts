/** A run on a standing coordinator waits for workers as long as it takes, where a coordinator of one run gives up. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { runCoordinator } from "../../coordinator/coordinator.js";
import { RunQueue } from "../../coordinator/standing/queue.js";
import { standReady } from "../../coordinator/standing/standing-coordinator.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { runKey } from "../../shared/spec.js";
import { tinySpec } from "../support/core-driver.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

const run = "patient";
let controller: AbortController;
beforeEach(() => {
  controller = new AbortController();
});
afterEach(() => controller.abort());

async function place() {
  const store = new MemoryStore();
  const { hash } = await putFlatDataset(store, { name: "flat", training: 4, validation: 2, perShard: 4 });
  const spec = tinySpec({ run, dataset: { name: "flat", hash }, lanes: 2, batchSize: 2 });
  await store.put(runKey(run, "spec.json"), Buffer.from(JSON.stringify(spec)));
  const clock = new ManualClock();
  const ports = { host: "127.0.0.1", insecure: false, port: 0, tensorPort: 0, httpPort: 0 };
  const logger = createLogger({ role: "coordinator", level: "silent" });
  return { store, clock, ...ports, reducers: 1, lingerMs: 0, logger, signal: controller.signal };
}

/** A little at a time, as real time passes, so that what waits for sockets comes about in between. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) await clock.pass(10_000);
}

it("a run without workers fails after a while where it is the coordinator's only one", async () => {
  const options = await place();
  const end = runCoordinator({ ...options, run, onReady: () => undefined });
  let outcome = "";
  end.then(({ outcome: { tag } }) => {
    outcome = tag;
  });
  await expect
    .poll(
      async () => {
        await pass(options.clock, limits.noWorkersMs);
        return outcome;
      },
      { timeout: 10_000 },
    )
    .toBe("failed");
});

it("a standing coordinator's run still waits three times as long after, at the head of the queue", async () => {
  const options = await place();
  await new RunQueue(options.store).add({ run, submittedAt: "2026-01-01T00:00:00Z", by: "test", after: 0 });
  let http = "";
  const stood = standReady({
    ...options,
    catalogue: {
      create: () => Promise.reject(new Error("nobody submits here")),
      describe: async (name) => ({ run: name }),
      end: async () => null,
    },
    onReady: (addresses) => {
      http = addresses.http;
    },
  });
  stood.catch(() => undefined); // ends with the signal
  const status = async () => (await fetch(`http://${http}/status`)).json();
  await expect
    .poll(
      async () => {
        await options.clock.pass(100);
        return http === "" ? null : ((await status()) as { run: unknown }).run;
      },
      { timeout: 10_000 },
    )
    .toBe(run);
  await pass(options.clock, 3 * limits.noWorkersMs);
  expect(await status()).toMatchObject({ run, phase: "waiting" });
  expect(await new RunQueue(options.store).look()).toMatchObject([{ run }]);
});
