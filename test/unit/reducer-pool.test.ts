/** Real reducer threads (compiled): their ports, and that a broken one ends every wait for it. */
import { afterEach, expect, it } from "vitest";
import type { CoreEvent } from "../../coordinator/core/events.js";
import { EngineClient } from "../../worker/engine-client.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { engineSpec } from "../support/engine/spec.js";

type PoolModule = typeof import("../../coordinator/reducers/pool.js");
const compiled = new URL("../../dist/coordinator/reducers/pool.js", import.meta.url).href;
const { ReducerPool } = (await import(compiled)) as PoolModule;

const identity = { run: "pool", generation: 1, lanes: 1, momentVectors: 2, tolerance: 0 };
const parameterCount = 10_000;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start() {
  const events: CoreEvent[] = [];
  const pool = new ReducerPool({
    identity,
    parameterCount,
    reducers: 2,
    host: "127.0.0.1",
    port: 0,
    onEvent: (event) => events.push(event),
    onTraffic: () => undefined,
    onRefused: () => undefined,
  });
  closers.push(() => pool.close());
  const slices = await pool.start();
  const partials = new PartialSender({
    host: "127.0.0.1",
    run: identity.run,
    generation: identity.generation,
    slices,
    worker: "w",
    onBytes: () => undefined,
    onBroken: () => undefined,
  });
  closers.push(() => partials.close());
  return { pool, events, partials };
}

it("hands out the vectors of the last commit, whole", async () => {
  const { pool, partials } = await start();
  const initial = new Float32Array(parameterCount).map((_, i) => i);
  await partials.sendInitial(initial);
  const { weights, moments } = await pool.snapshot();
  expect(weights).toEqual(initial);
  expect(moments).toEqual([new Float32Array(parameterCount), new Float32Array(parameterCount)]);
});

it("hands out no vectors with a value that is not finite: no checkpoint is made of them", async () => {
  const { pool, partials } = await start();
  await partials.sendInitial(new Float32Array(parameterCount).fill(1, 0, 9_000).fill(Number.NaN, 9_000));
  await expect(pool.snapshot()).rejects.toMatchObject({
    code: "FAILED",
    message: "weights or moments of slice 1 are not finite: nothing could go on from them",
  });
});

it("that can't carry out a decision is fatal, and a snapshot that waits for it is rejected", async () => {
  const { pool, events } = await start();
  const snapshot = pool.snapshot(); // before any weights are there
  await expect(snapshot).rejects.toMatchObject({ code: "FAILED" });
  expect(events).toContainEqual({
    tag: "fatal",
    message: expect.stringMatching(/^reducer \d: snapshot before the slice was loaded/),
  });
});

it("as an engine's thread, once dead, rejects calls instead of keeping them waiting", async () => {
  // From source there is no compiled thread to start, so it dies at once.
  const engine = new EngineClient({
    spec: { ...engineSpec(), accumulation: 1, localSteps: null },
    intraOpThreads: 1,
    oneDnn: true,
  });
  await expect(engine.call("tensorCount", {})).rejects.toThrow();
  expect(engine.isDead).toBe(true);
  await expect(engine.call("tensorCount", {})).rejects.toThrow();
});
