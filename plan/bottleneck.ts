/**
 * What a step waits for, by name: the part that would shorten it most if it cost nothing. Each answer is the model's,
 * with that one thing free and everything else as it is.
 */
import type { Scenario } from "./scenario.js";
import { predictStep } from "./step-model.js";

export interface Bottleneck {
  readonly name: string;
  /** Share of a step's time that would be saved without this bottleneck. */
  readonly savesSeconds: number;
}

interface Candidate {
  readonly name: string;
  readonly without: (scenario: Scenario) => Scenario;
}

const free = Number.POSITIVE_INFINITY;
const withLink = (scenario: Scenario, change: Partial<Scenario["cluster"]["link"]>): Scenario => ({
  ...scenario,
  cluster: { ...scenario.cluster, link: { ...scenario.cluster.link, ...change } },
});
const withCosts = (scenario: Scenario, change: Partial<Scenario["costs"]>): Scenario => ({
  ...scenario,
  costs: { ...scenario.costs, ...change },
});

const candidates: readonly Candidate[] = [
  { name: "coordinator's link", without: (scenario) => withLink(scenario, { bytesPerSecond: free }) },
  {
    name: "single stream",
    without: (scenario) =>
      withLink(scenario, { windowBytes: free, upBytesPerSecond: free, downBytesPerSecond: free }),
  },
  { name: "latency", without: (scenario) => withLink(scenario, { latencySeconds: 0 }) },
  { name: "reducer threads", without: (scenario) => withoutReducers(scenario) },
  { name: "cores shared with others", without: (scenario) => withoutSharing(scenario) },
  { name: "images", without: (scenario) => withCosts(scenario, { imageSeconds: 0 }) },
];

/** A stream that keeps a reducer busy for most of its time is as fast as that reducer. */
function withoutReducers(scenario: Scenario): Scenario {
  const { costs, cluster } = scenario;
  const { upBytesPerSecond: up, downBytesPerSecond: down } = cluster.link;
  const isBound = (rate: number, seconds: number) => (rate * seconds) / cluster.reducers > 0.5;
  const unbound = withLink(scenario, {
    upBytesPerSecond: isBound(up, costs.reducerReceiveSeconds) ? free : up,
    downBytesPerSecond: isBound(down, costs.reducerSendSeconds) ? free : down,
  });
  return withCosts(unbound, {
    reducerReceiveSeconds: 0,
    reducerSendSeconds: 0,
    addSeconds: 0,
    reportSeconds: 0,
    applySeconds: 0,
  });
}

const withoutEngine = (scenario: Scenario) => withCosts(scenario, { callSeconds: 0, setWeightsSeconds: 0 });

const withoutSharing = (scenario: Scenario): Scenario => ({
  ...scenario,
  cluster: {
    ...scenario.cluster,
    cores: free,
    coordinatorCores: scenario.cluster.coordinatorCores === null ? null : free,
  },
});

/** What the engine takes is counted as on cores of its own and with lanes that come out even: the rest is theirs. */
export function bottleneckOf(scenario: Scenario): Bottleneck {
  const { seconds } = predictStep(scenario);
  const { lanes, callsPerLane } = scenario.work;
  const { workers } = scenario.cluster;
  const idleLanes = Math.ceil(lanes / workers) - lanes / workers;
  const byLanes = idleLanes * callsPerLane * scenario.costs.callSeconds;
  const alone = withoutSharing(scenario);
  const byEngine = predictStep(alone).seconds - predictStep(withoutEngine(alone)).seconds - byLanes;
  const others = candidates.map(({ name, without }) => ({
    name,
    savesSeconds: seconds - predictStep(without(scenario)).seconds,
  }));
  return [
    { name: "engine", savesSeconds: byEngine },
    ...others,
    { name: "lanes", savesSeconds: byLanes },
  ].reduce((most, one) => (one.savesSeconds > most.savesSeconds ? one : most));
}
