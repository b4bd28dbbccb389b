/** The tensor streams of one session: weights that come down, partials that go up. Opened once the slices are known. */
import type { SliceEndpoint } from "../shared/grpc/control-messages.js";
import type { Wire } from "../shared/grpc/wire.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import type { PartialsSink, WeightsSource, WorkerDependencies } from "./dependencies.js";
import type { Watermark } from "./step-watermark.js";

export interface TensorStreams {
  readonly weights: WeightsSource;
  readonly partials: PartialsSink;
}

export interface TensorStreamsOptions {
  /** The coordinator's host; each slice names its port. */
  readonly host: string;
  readonly run: string;
  readonly generation: number;
  readonly slices: readonly SliceEndpoint[];
  /** The worker's id. */
  readonly worker: string;
  /** Every stream shows it; the coordinator gave it to this worker together with the slices. */
  readonly ticket: string;
  readonly security: ClientSecurity;
  /** How gradients are encoded. */
  readonly wire: Wire;
  readonly metrics: WorkerMetrics;
  /** Learns of new weights versions; partials of a step that is over are not sent. */
  readonly watermark: Watermark;
  /** Called when a stream of either direction broke, or was closed. */
  readonly onBroken: (error: Error) => void;
}

type Openers = Pick<WorkerDependencies, "clock" | "openWeights" | "openPartials">;

export function openTensorStreams(openers: Openers, options: TensorStreamsOptions): TensorStreams {
  const { wire, metrics, watermark, ...common } = options;
  const { clock } = openers;
  return {
    weights: openers.openWeights({
      ...common,
      clock,
      onVersion: (version) => watermark.weightsArrive(version),
      onBytes: (bytes) => metrics.receivedBytes.inc(bytes),
    }),
    partials: openers.openPartials({
      ...common,
      clock,
      wire,
      isOver: (at) => watermark.isOver(at),
      onBytes: (bytes) => metrics.sentBytes.inc(bytes),
    }),
  };
}

export function closeTensorStreams({ weights, partials }: TensorStreams): void {
  weights.close();
  partials.close();
}
