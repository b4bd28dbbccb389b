/**
 * One exponent bit of a finite gradient is flipped: an element of some hundreds is 1e21 then. Adam's v became infinite, the
 * weights NaN one step later, and both steps were committed as applied. Without an audit nobody can know the right sum, so
 * the step is skipped; with one, the worker whose sum is wrong is found out and the run has the bits of an unbroken one.
 */
import { resultOf } from "../published.js";
import { at, type Scenario, usual } from "./scenario.js";

export const flippedBitIsSkipped: Scenario = {
  promise: "a gradient with a flipped exponent bit is not applied, and weights and moments stay finite",
  setup: usual,
  seed: 1,
  faults: [at(1.3, { act: "flip bit", worker: 1, bit: 29 })],
  expect: (simulation) => {
    const skipped = simulation.updates.filter(({ tag }) => tag === "skip").length;
    const { outcome, samples } = resultOf(simulation);
    return skipped === 1 && outcome === "finished" && samples.skipped > 0 && samples.lost === 0
      ? null
      : `${skipped} steps were skipped, and the run ${outcome} with ${samples.skipped} samples skipped`;
  },
};

export const flippedBitIsAudited: Scenario = {
  promise: "with every sum audited, a flipped exponent bit changes no bit of the run",
  setup: { ...usual, workers: 3, audit: 1 },
  isAudited: true,
  seed: 1,
  faults: [at(1.3, { act: "flip bit", worker: 1, bit: 29 })],
  expect: ({ updates, coordinators }) => {
    if (updates.some(({ tag }) => tag === "skip")) return "a step was skipped that an audit could mend";
    const banned = coordinators.flatMap(({ shell }) => shell?.state.membership.banned ?? []);
    return banned.length === 1 ? null : `${banned.length} workers were found out`;
  },
};
