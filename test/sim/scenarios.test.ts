/** What was found by a seed, and what is promised in seconds: each is a file in scenarios/ that reads as a transcript. */
import { expect, it } from "vitest";
import { runScript } from "./run.js";
import { auditorReadsDamage } from "./scenarios/auditor-reads-damage.js";
import { coordinatorDies, coordinatorDiesAfterObject } from "./scenarios/coordinator-dies.js";
import { coordinatorPauses } from "./scenarios/coordinator-pauses.js";
import { fleetShrinks } from "./scenarios/fleet-shrinks.js";
import { flippedBitIsAudited, flippedBitIsSkipped } from "./scenarios/flipped-bit.js";
import { formerCoordinatorWakes } from "./scenarios/former-coordinator-wakes.js";
import {
  formerCoordinatorPublishes,
  formerCoordinatorSeals,
} from "./scenarios/former-coordinator-writes-on.js";
import { laneOfLocalStepsMoves } from "./scenarios/local-steps.js";
import { messagesComeAgain } from "./scenarios/messages-come-again.js";
import { refusedRecordComesAgain } from "./scenarios/refused-record-comes-again.js";
import type { Scenario } from "./scenarios/scenario.js";
import { sgdRunGoesOn } from "./scenarios/sgd-run-goes-on.js";
import { secondsPerStep, withoutSlowWorker, withSlowWorker } from "./scenarios/slow-worker.js";
import { workerDies } from "./scenarios/worker-dies.js";
import { workerFreezes } from "./scenarios/worker-freezes.js";

const scenarios: readonly Scenario[] = [
  workerDies,
  auditorReadsDamage,
  coordinatorPauses,
  fleetShrinks,
  workerFreezes,
  coordinatorDies,
  formerCoordinatorWakes,
  formerCoordinatorSeals,
  formerCoordinatorPublishes,
  messagesComeAgain,
  refusedRecordComesAgain,
  flippedBitIsSkipped,
  flippedBitIsAudited,
  laneOfLocalStepsMoves,
  sgdRunGoesOn,
];

it.each(scenarios)("$promise", async (scenario) => {
  const lines: string[] = [];
  const { problem, simulation } = await runScript(scenario, (line) => lines.push(line));
  const found = problem ?? scenario.expect?.(simulation) ?? null;
  expect(found, lines.join("\n")).toBeNull();
});

it("a coordinator may die between any two objects that its run writes", async () => {
  let puts = 1;
  for (; ; puts += 1) {
    const { problem, simulation } = await runScript(coordinatorDiesAfterObject(puts));
    expect(problem, `after object ${puts}`).toBeNull();
    if (simulation.coordinators.length === 1) break; // it wrote fewer
  }
  expect(puts).toBeGreaterThan(30);
});

it("from the fifth step with a worker ten times slower on, a step takes at most a fifth longer than without it", async () => {
  const slow = await runScript(withSlowWorker);
  const alone = await runScript(withoutSlowWorker);
  expect([slow.problem, alone.problem]).toEqual([null, null]);
  expect(secondsPerStep(slow.simulation)).toBeLessThan(1.2 * secondsPerStep(alone.simulation));
});
