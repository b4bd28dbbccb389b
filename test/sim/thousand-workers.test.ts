/** Many workers at once: the bits stay, and what the coordinator does grows with the number of workers, not with its square. */
import { expect, it } from "vitest";
import { runScript } from "./run.js";
import { fleetSize, thousandWorkers } from "./scenarios/thousand-workers.js";

it(thousandWorkers.promise, { timeout: 300_000 }, async () => {
  const { problem, simulation } = await runScript(thousandWorkers);
  expect(problem).toBeNull();
  const joined = Number(simulation.coordinators[0]?.shell?.state.membership.joined);
  expect(joined).toBeGreaterThan(fleetSize);
  // Events a worker: joining, preparing, heartbeats, streams of weights and partials, leaving.
  expect(simulation.scheduler.taken / fleetSize).toBeLessThan(400);
});
