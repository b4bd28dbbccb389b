/** Makes a plan, tables and advice, from the measurements of a machine. Pure. */
import type { RunSpec } from "../shared/spec.js";
import { type Advice, adviceFor } from "./advice.js";
import { type LinkWish, type Measured, scenarioHere, scenarioOn } from "./machine.js";
import { type ScalingRow, scalingRow, strongScaling, weakScaling } from "./scaling.js";
import type { Scenario } from "./scenario.js";

export interface Plan {
  readonly spec: RunSpec;
  readonly measured: Measured;
  /** The cluster that the advice is for. */
  readonly scenario: Scenario;
  /** Predictions with all processes on this machine. */
  readonly here: readonly ScalingRow[];
  readonly strong: readonly ScalingRow[];
  readonly weak: readonly ScalingRow[];
  readonly advice: readonly Advice[];
}

export interface PlanWish {
  /** Number of workers for which advice is given. */
  readonly workers: number;
  readonly workersPerMachine: number;
  readonly link: LinkWish;
  /** Processor cores of this machine. */
  readonly cores: number;
}

const upTo64 = [1, 2, 4, 8, 16, 32, 64];

export function makePlan(spec: RunSpec, measured: Measured, wish: PlanWish): Plan {
  const usual = scenarioOn(spec, measured, wish, "median");
  const best = scenarioOn(spec, measured, wish, "min");
  const rounded = scenarioOn({ ...spec, wire: "bfloat16" }, measured, wish, "median");
  const fitting = upTo64.filter((workers) => workers <= Math.min(spec.lanes, wish.cores));
  return {
    spec,
    measured,
    scenario: usual,
    here: fitting.map((workers) =>
      scalingRow({
        usual: scenarioHere(spec, measured, workers, "median"),
        best: scenarioHere(spec, measured, workers, "min"),
      }),
    ),
    strong: strongScaling({ usual, best }, upTo64),
    weak: weakScaling({ usual, best }, upTo64),
    advice: adviceFor(usual, spec, spec.wire === "bfloat16" ? null : rounded),
  };
}
