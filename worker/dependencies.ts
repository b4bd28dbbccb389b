/**
 * What a worker reaches beyond itself: time, the coordinator's streams, the place of work with data and engine. The
 * real ones are here; a simulation brings its own and runs everything else as it is.
 */
import { type Clock, realClock } from "../shared/clock.js";
import type { StoreMetrics } from "../shared/metrics.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { findTlsFault, type TlsFault } from "../shared/security/tls-fault.js";
import type { RunSpec } from "../shared/spec.js";
import { meteredStore } from "../shared/store/metered.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";
import { type ControlStream, GrpcControlStream } from "./control-stream.js";
import { PartialSender, type PartialSenderOptions } from "./gradient-upload.js";
import { type PreparedRun, type PrepareOptions, prepareRun } from "./prepared-run.js";
import { type WeightsOptions, WeightsReceiver } from "./weights-receiver.js";

/** What a session needs of the weights coming down, and of the partials going up. */
export type WeightsSource = Pick<WeightsReceiver, keyof WeightsReceiver>;
export type PartialsSink = Pick<PartialSender, keyof PartialSender>;

export interface WorkerDependencies {
  readonly clock: Clock;
  /** `coordinator`: host:port. Errors: USAGE when the certificate or token can't be used. */
  connect(coordinator: string, security: ClientSecurity): ControlStream;
  /** Why no connection came about, where TLS is the reason. Default: not looked into. */
  readonly diagnose?: (coordinator: string, security: ClientSecurity) => Promise<TlsFault | null>;
  openWeights(options: WeightsOptions): WeightsSource;
  openPartials(options: PartialSenderOptions): PartialsSink;
  /** To look into; nothing is made there. Errors: those of openStore. */
  openStore(url: string, signal: AbortSignal): Promise<ObjectStore>;
  /** `metrics`: told of the store's calls. Errors: those of openWorkplace and openStore. */
  prepareRun(
    spec: RunSpec,
    storeUrl: string,
    signal: AbortSignal,
    options?: PrepareOptions & { readonly metrics?: StoreMetrics },
  ): Promise<PreparedRun>;
}

export const realDependencies: WorkerDependencies = {
  clock: realClock,
  connect: (coordinator, security) => new GrpcControlStream(coordinator, security),
  diagnose: findTlsFault,
  openWeights: (options) => new WeightsReceiver(options),
  openPartials: (options) => new PartialSender(options),
  openStore: (url, signal) => openStore(url, { create: false, signal }),
  prepareRun: async (spec, storeUrl, signal, { metrics, ...options } = {}) => {
    const store = await openStore(storeUrl, { signal });
    const told = metrics === undefined ? store : meteredStore(store, metrics, realClock);
    return await prepareRun(spec, told, signal, options);
  },
};
