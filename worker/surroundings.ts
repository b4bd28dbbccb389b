/**
 * What a worker reaches beyond itself: time, the coordinator's streams, the place of work with data and engine. The
 * real ones are here; a simulation brings its own and runs everything else as it is.
 */
import type { PictureKeeping } from "../dataset/image-loader.js";
import { type Clock, realClock } from "../shared/clock.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";
import { type ControlStream, GrpcControlStream } from "./control-stream.js";
import { type PartialsOptions, PartialsSender } from "./partials.js";
import { type WeightsOptions, WeightsReceiver } from "./weights.js";
import { openWorkplace, type Workplace } from "./workplace.js";

/** What a session needs of the weights coming down, and of the partials going up. */
export type WeightsSource = Pick<WeightsReceiver, keyof WeightsReceiver>;
export type PartialsSink = Pick<PartialsSender, keyof PartialsSender>;

export interface WorkerSurroundings {
  readonly clock: Clock;
  /** `coordinator`: host:port. */
  connect(coordinator: string): ControlStream;
  openWeights(options: WeightsOptions): WeightsSource;
  openPartials(options: PartialsOptions): PartialsSink;
  /** To look into; nothing is made there. Errors: those of openStore. */
  openStore(url: string, signal: AbortSignal): Promise<ObjectStore>;
  /** Errors: those of openWorkplace and openStore. */
  openWorkplace(
    spec: RunSpec,
    storeUrl: string,
    signal: AbortSignal,
    keeping?: PictureKeeping,
  ): Promise<Workplace>;
}

export const realSurroundings: WorkerSurroundings = {
  clock: realClock,
  connect: (coordinator) => new GrpcControlStream(coordinator),
  openWeights: (options) => new WeightsReceiver(options),
  openPartials: (options) => new PartialsSender(options),
  openStore: (url, signal) => openStore(url, { create: false, signal }),
  openWorkplace: async (spec, storeUrl, signal, keeping) =>
    openWorkplace(spec, await openStore(storeUrl, { signal }), signal, keeping),
};
