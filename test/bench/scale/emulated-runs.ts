/**
 * The model against emulated workers (test/bench/emulated): a real coordinator, workers whose engine sleeps. All of
 * them live on one thread of one process, which the model is told.
 */
import type { MeasuredExchange } from "../../../plan/exchange-costs.js";
import type { Scenario } from "../../../plan/scenario.js";
import { type Statistic, spreadOf } from "../../../plan/spread.js";
import { predictStep } from "../../../plan/step-model.js";
import { bytesPerElement } from "../../../shared/grpc/wire.js";
import { runCell } from "../emulated/cell.js";
import type { Cell } from "../emulated/protocol.js";
import type { StepTimes } from "./real-runs.js";

/** A sleeping engine needs no core. */
const noThreads = 1e-6;

function scenarioOf(cell: Cell, exchange: MeasuredExchange, cores: number, of: Statistic): Scenario {
  const { upBytesPerSecond, downBytesPerSecond, ...costs } = exchange.costs(of);
  const free = Number.POSITIVE_INFINITY;
  return {
    work: {
      lanes: cell.workers,
      callsPerLane: 1,
      images: cell.workers,
      parameters: cell.parameters,
      bytesPerParameter: bytesPerElement(cell.wire),
    },
    costs: {
      ...costs,
      callSeconds: cell.delayMs / 1000,
      engineThreads: noThreads,
      setWeightsSeconds: 0,
      imageSeconds: 0,
    },
    cluster: {
      workers: cell.workers,
      workersPerMachine: cell.workers,
      workersPerThread: cell.workers,
      cores,
      coordinatorCores: null,
      reducers: cell.reducers,
      link: {
        name: "loopback",
        bytesPerSecond: free,
        latencySeconds: 0,
        windowBytes: free,
        upBytesPerSecond,
        downBytesPerSecond,
      },
    },
  };
}

export function plannedCell(cell: Cell, exchange: MeasuredExchange, cores: number): StepTimes {
  const seconds = (of: Statistic) => predictStep(scenarioOf(cell, exchange, cores, of)).seconds;
  return { usual: seconds("median"), best: seconds("min") };
}

export async function measuredCell(cell: Cell, steps: number): Promise<StepTimes> {
  const { stepSeconds } = await runCell(cell, { warmUp: 3, steps });
  const { median, min } = spreadOf(stepSeconds);
  return { usual: median, best: min };
}
