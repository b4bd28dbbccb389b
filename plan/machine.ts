/** This machine, measured for a run: what its engine and its tensor plane take, as costs for the model. */

import type { Wire } from "../shared/grpc/wire.js";
import { limits } from "../shared/limits.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { coresLike, type MeasuredEngine, measureEngine } from "./engine-costs.js";
import { type MeasuredExchange, measureExchange } from "./exchange-costs.js";
import { type Link, type Scenario, workOf } from "./scenario.js";
import type { Statistic } from "./spread.js";

export interface Measured {
  readonly engine: MeasuredEngine;
  /** Costs of the exchange, by the number format on the wire. */
  readonly exchange: Readonly<Record<Wire, MeasuredExchange>>;
  /** Number of reducers with which the exchange was measured. */
  readonly reducers: number;
}

/** Measures engine and exchange of this machine for a run. Errors: the data set's, the engine's, FAILED, INTERRUPTED. */
export async function measureMachine(
  spec: RunSpec,
  store: ObjectStore,
  reducers: number,
  signal: AbortSignal,
): Promise<Measured> {
  const engine = await measureEngine(spec, store, signal);
  const { parameters } = engine;
  const measure = (wire: Wire) => measureExchange({ parameters, reducers, wire }, signal);
  return {
    engine,
    exchange: { float32: await measure("float32"), bfloat16: await measure("bfloat16") },
    reducers,
  };
}

/** A network between machines. Without `bytesPerSecond` it is as fast as loopback. */
export type LinkWish = Pick<Link, "name" | "latencySeconds"> & { readonly bytesPerSecond?: number };

/** The cluster that a scenario is made for. */
export interface ClusterWish {
  readonly workers: number;
  readonly workersPerMachine: number;
  readonly link: LinkWish;
}

/** The scenario of a run whose workers and coordinator are on machines like this one. */
export function scenarioOn(
  spec: RunSpec,
  { engine, exchange, reducers }: Measured,
  { workers, workersPerMachine, link }: ClusterWish,
  statistic: Statistic,
): Scenario {
  const { upBytesPerSecond, downBytesPerSecond, ...costs } = exchange[spec.wire].costs(statistic);
  const cores = coresLike(engine, statistic);
  return {
    work: workOf(spec, engine.parameters),
    costs: {
      ...costs,
      callSeconds: engine.call[statistic],
      engineThreads: spec.engine.intraOpThreads,
      setWeightsSeconds: engine.setWeights[statistic],
      imageSeconds: engine.imageSeconds,
    },
    cluster: {
      workers,
      workersPerMachine,
      workersPerThread: 1,
      cores,
      coordinatorCores: cores,
      reducers,
      link: {
        bytesPerSecond: Number.POSITIVE_INFINITY,
        ...link,
        windowBytes: limits.receiveWindowBytes,
        upBytesPerSecond,
        downBytesPerSecond,
      },
    },
  };
}

/** The scenario of a run with all workers and the coordinator on this machine, as `trainyard train` starts them. */
export function scenarioHere(
  spec: RunSpec,
  measured: Measured,
  workers: number,
  statistic: Statistic,
): Scenario {
  const link = { name: "loopback", latencySeconds: 0 };
  const apart = scenarioOn(spec, measured, { workers, workersPerMachine: workers, link }, statistic);
  return { ...apart, cluster: { ...apart.cluster, coordinatorCores: null } };
}
