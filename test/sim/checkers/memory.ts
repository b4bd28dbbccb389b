/** Memory is bounded: what the core, the slices' sums, the network and frozen processes hold, whatever happened before. */
import { TreeSum } from "../../../shared/tree-sum.js";
import type { Simulation } from "../simulation.js";
import type { Checker } from "./checker.js";

/** The most vectors that any sum along the tree has held since the last look. */
let mostParts = 0;
const add = TreeSum.prototype.add;
TreeSum.prototype.add = function (this: TreeSum, ...given) {
  const isTaken = add.apply(this, given);
  mostParts = Math.max(mostParts, this.parts.length);
  return isTaken;
};

export function memoryChecker(): Checker {
  mostParts = 0;
  return { look: (simulation) => sums(simulation) ?? core(simulation) ?? streams(simulation) };
}

/** Every other lane: then no two are neighbours. */
function sums({ spec }: Simulation): string | null {
  const bound = Math.ceil(spec.lanes / 2) + 1;
  return mostParts <= bound ? null : `a sum over ${spec.lanes} lanes holds ${mostParts} vectors`;
}

function core({ coordinators, mostWorkers, spec }: Simulation): string | null {
  for (const { process, shell, name } of coordinators) {
    if (process.isDead || shell === null) continue;
    const { state } = shell;
    // Lost workers and their successors may be there together.
    if (state.workers.size > 4 * mostWorkers) return `${name} knows ${state.workers.size} workers`;
    if (state.measured.recentStepMs.length > 20)
      return `${name} remembers ${state.measured.recentStepMs.length} steps`;
    if (state.measured.timings.length > 200)
      return `${name} remembers ${state.measured.timings.length} timings`;
    if (state.membership.fingerprints.length > 1)
      return `${name} knows ${state.membership.fingerprints.length} fingerprints`;
    if (state.checkpoints.pending > 3) return `${name} has ${state.checkpoints.pending} checkpoints to write`;
    if (state.phase.tag === "training" && state.phase.lanes.length !== spec.lanes)
      return `${name} lost a lane`;
  }
  return null;
}

function streams({ network, mostWorkers, coordinators, setup }: Simulation): string | null {
  const each = 1 + 2 * Math.max(1, setup.reducers);
  // A stream lives on for a while when its other side died behind a partition.
  const bound = 8 * each * mostWorkers + 8 * coordinators.length;
  return network.streams.size <= bound ? null : `${network.streams.size} streams are open`;
}
