/**
 * What a worker depends on: a clock, the streams to the coordinator, the store, and a prepared run with its data and
 * engine. The real dependencies are here. The simulator passes its own and runs the rest of the worker as it is.
 */
import { type Clock, realClock } from "../shared/clock.js";
import type { StoreMetrics } from "../shared/metrics.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { type ConnectionFault, findConnectionFault } from "../shared/security/connection-fault.js";
import type { RunSpec } from "../shared/spec.js";
import { meteredStore } from "../shared/store/metered.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";
import { type ControlStream, GrpcControlStream } from "./control-stream.js";
import { PartialSender, type PartialSenderOptions } from "./gradient-upload.js";
import { type PreparedRun, type PrepareOptions, prepareRun } from "./prepared-run.js";
import type { ReceivedKeys } from "./received-keys.js";
import { type WeightsOptions, WeightsReceiver } from "./weights-receiver.js";

/** Weights coming down, as a session uses them. */
export type WeightsSource = Pick<WeightsReceiver, keyof WeightsReceiver>;
/** Partials going up, as a session uses them. */
export type PartialsSink = Pick<PartialSender, keyof PartialSender>;

export interface WorkerDependencies {
  readonly clock: Clock;
  /** Opens a control stream. `coordinator`: host:port. Errors: USAGE when the certificate or token can't be used. */
  connect(coordinator: string, security: ClientSecurity): ControlStream;
  /** Finds out what is wrong with a connection that does not come about; null when nothing is found. Default: no diagnosis. */
  readonly diagnose?: (coordinator: string, security: ClientSecurity) => Promise<ConnectionFault | null>;
  openWeights(options: WeightsOptions): WeightsSource;
  openPartials(options: PartialSenderOptions): PartialsSink;
  /** Opens a store without asking it for anything. `keys`: default those of the environment. Errors: USAGE. */
  openStore(url: string, signal: AbortSignal, keys?: ReceivedKeys): Promise<ObjectStore>;
  /** Opens the store, once there are `keys` for it, and prepares the run. `metrics` count the store's calls. Errors: those of `prepareRun` and the store. */
  prepareRun(
    spec: RunSpec,
    storeUrl: string,
    signal: AbortSignal,
    options?: PrepareOptions & { readonly metrics?: StoreMetrics; readonly keys?: ReceivedKeys | undefined },
  ): Promise<PreparedRun>;
}

export const realDependencies: WorkerDependencies = {
  clock: realClock,
  connect: (coordinator, security) => new GrpcControlStream(coordinator, security),
  diagnose: findConnectionFault,
  openWeights: (options) => new WeightsReceiver(options),
  openPartials: (options) => new PartialSender(options),
  openStore: (url, signal, keys) => openWorkerStore(url, signal, keys),
  prepareRun: async (spec, storeUrl, signal, { metrics, keys, ...options } = {}) => {
    await keys?.untilGiven(signal);
    const store = await openWorkerStore(storeUrl, signal, keys);
    const metered = metrics === undefined ? store : meteredStore(store, metrics, realClock);
    return await prepareRun(spec, metered, signal, options);
  },
};

const openWorkerStore = (url: string, signal: AbortSignal, keys: ReceivedKeys | undefined) =>
  openStore(url, { purpose: "work", signal, ...(keys && { credentials: () => keys.credentials() }) });
