/**
 * A worker from joining to leaving:
 *
 * 1. It connects to the coordinator and says hello (here).
 * 2. Welcomed, it prepares data set, engine and graphs, and says that it is ready (session.ts, prepared-run.ts).
 * 3. It carries out assignments one after another (assignments.ts); most of them are training steps (training-step.ts).
 * 4. When the coordinator is gone, it looks for it again and keeps what it has prepared (coordinator-search.ts).
 * 5. It leaves when the run is over, when it is drained, or when no coordinator answers any more.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { ImageCacheOptions } from "../dataset/image-loader.js";
import { type ComputeDevice, plainCpu } from "../engine/native/compute-device.js";
import { assertNever, TrainyardError } from "../shared/errors.js";
import { protocolVersion } from "../shared/grpc/version.js";
import type { Logger } from "../shared/log.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";
import type { RunSpec } from "../shared/spec.js";
import { noTracer, type Tracer } from "../shared/tracing.js";
import { programVersion } from "../shared/version.js";
import type { ControlStream } from "./control-stream.js";
import { CoordinatorSearch } from "./coordinator-search.js";
import { realDependencies, type WorkerDependencies } from "./dependencies.js";
import { EndWatch, type RunEnd, type RunLocation } from "./end-watch.js";
import { workerFingerprint } from "./fingerprint.js";
import type { PreparedRun } from "./prepared-run.js";
import { ReceivedKeys } from "./received-keys.js";
import { RunPreparation } from "./run-preparation.js";
import { runSession } from "./session.js";
import type { SessionEnd } from "./session-state.js";

export interface WorkerOptions {
  /** host:port of the coordinator's control plane. */
  readonly coordinator: string;
  /** The token or certificate that the worker shows, and the authorities that it trusts. Default: plain text, no token. */
  readonly security?: ClientSecurity;
  /** Overrides the store that the coordinator names. */
  readonly store?: string;
  /** The run that the worker is for, and its store unless a coordinator names another one. Default: any coordinator's. */
  readonly run?: RunLocation;
  /** The worker's id, the same over all reconnects. Default: host, process and a random part. */
  readonly id?: string;
  /** Where decoded images are kept. Default: in memory of limits.imageCacheBytes. */
  readonly imageCache?: ImageCacheOptions;
  /** The device that the engine computes on. Default: the CPU. */
  readonly device?: ComputeDevice;
  /** The worker gives up after so long without a coordinator; infinite: never. Default: limits.firstConnectMs. */
  readonly connectTimeoutMs?: number;
  /** True for a worker that serves one run after another: being refused for a run only ends its part in that run. */
  readonly isStaying?: boolean;
  /** Checks that this process can compute with such an engine. Errors: INTERRUPTED, which ends the worker. Default: any. */
  readonly requireEngine?: (engine: RunSpec["engine"]) => void;
  /** host:port of this worker's metrics; empty = none. */
  readonly metricsAddress: string;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** Aborting it drains the worker: the worker hands its lanes back and leaves. */
  readonly signal: AbortSignal;
  /** Default: the real ones. */
  readonly dependencies?: WorkerDependencies;
}

/** Resolves when the run is over. Errors: UNREACHABLE, REFUSED, INTERRUPTED (drained by a signal or the coordinator). */
export async function runWorker(options: WorkerOptions): Promise<RunEnd> {
  const worker = new Worker(options);
  try {
    return await worker.untilTheRunIsOver();
  } finally {
    await worker.close();
  }
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #dependencies: WorkerDependencies;
  readonly #id: string;
  readonly #preparation: RunPreparation;
  readonly #search: CoordinatorSearch;
  readonly #endWatch: EndWatch;
  readonly #keys: ReceivedKeys;

  constructor(options: WorkerOptions) {
    const { logger, signal, dependencies = realDependencies } = options;
    const { clock, openStore, diagnose } = dependencies;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#id = options.id ?? `${hostname()}-${process.pid}-${randomUUID().slice(0, 4)}`;
    const keys = new ReceivedKeys(clock);
    this.#keys = keys;
    this.#preparation = new RunPreparation({
      ...options,
      prepare: (spec, store, keysFollow) => this.#prepare(spec, store, keysFollow),
    });
    this.#search = new CoordinatorSearch({ ...options, clock, ...(diagnose && { diagnose }) });
    this.#endWatch = new EndWatch({
      clock,
      logger,
      signal,
      openStore: (url, until) => openStore(url, until, keys.areGiven ? keys : undefined),
      isShut: () => keys.haveExpired,
    });
    options.metrics.describe(this.#id);
  }

  async untilTheRunIsOver(): Promise<RunEnd> {
    const { signal, metrics } = this.#options;
    for (;;) {
      throwIfDrained(signal);
      const end = await this.#join().catch((error: unknown) => this.#finishedOrThrow(error));
      throwIfDrained(signal);
      if (end.tag === "finished") return end;
      if (end.tag === "drained") throw drained(`drained by the coordinator: ${end.reason}`);
      if (end.tag === "lost") {
        metrics.reconnects.inc();
        this.#search.restart(end.reason);
      }
      const { run } = this.#preparation;
      const over = run === undefined ? null : this.#endWatch.glance(run);
      if (over !== null) return over;
      await this.#pause(end);
    }
  }

  /** One connection: hello, then the session until it ends. */
  async #join(): Promise<SessionEnd> {
    const { coordinator, security = noSecurity, logger, metrics, signal, tracer = noTracer } = this.#options;
    const control = this.#dependencies.connect(coordinator, security);
    const drain = () => {
      control.send({ kind: "leaving", reason: "drained" });
      this.#dependencies.clock.after(100, () => control.cancel());
    };
    signal.addEventListener("abort", drain, { once: true });
    try {
      this.#sayHello(control);
      return await runSession({
        id: this.#id,
        host: coordinator.slice(0, coordinator.lastIndexOf(":")),
        control,
        security,
        logger,
        metrics,
        tracer,
        dependencies: this.#dependencies,
        accept: (spec, place) => this.#preparation.accept(spec, place),
        prepare: (spec, store, keysFollow) => this.#preparation.prepare(spec, store, keysFollow),
        keys: this.#keys,
      });
    } finally {
      signal.removeEventListener("abort", drain);
    }
  }

  #sayHello(control: ControlStream): void {
    const { device = plainCpu, metricsAddress } = this.#options;
    control.run = this.#preparation.run?.run ?? "";
    control.send({
      kind: "hello",
      protocol: protocolVersion,
      version: programVersion(),
      worker: this.#id,
      host: hostname(),
      pid: process.pid,
      fingerprint: workerFingerprint(device),
      metrics: metricsAddress,
      ownStore: this.#options.store !== undefined,
    });
  }

  async #prepare(spec: RunSpec, store: string, keysFollow: boolean): Promise<PreparedRun> {
    const { clock, prepareRun } = this.#dependencies;
    const { signal, imageCache, device, metrics, logger } = this.#options;
    const startedMs = clock.nowMs();
    const run = await prepareRun(spec, store, signal, {
      imageCache,
      device,
      metrics,
      keys: keysFollow ? this.#keys : undefined,
    });
    const seconds = (clock.nowMs() - startedMs) / 1000;
    logger.info({ run: spec.run }, `prepared in ${seconds.toFixed(1)} s`);
    return run;
  }

  /** A refusal or a failure does not matter once the worker's own run has finished. */
  async #finishedOrThrow(error: unknown): Promise<SessionEnd> {
    const { run } = this.#preparation;
    const over = run === undefined ? null : await this.#endWatch.look(run);
    if (over !== null) return { tag: "finished", ...over };
    const { isStaying = false } = this.#options;
    if (!isStaying || run === undefined || !isRefusal(error)) throw error;
    return { tag: "finished", outcome: "left", message: error.message };
  }

  /** Waits before the next attempt. Errors: REFUSED or UNREACHABLE when no further attempt makes sense. */
  async #pause(end: Extract<SessionEnd, { tag: "lost" | "waiting" | "unreached" }>): Promise<void> {
    switch (end.tag) {
      case "lost":
        return await this.#search.pause(end.reason);
      case "waiting":
        return await this.#search.pauseAsTold(end.reason);
      case "unreached":
        return await this.#search.pauseUnanswered(end.reason);
      default:
        return assertNever(end);
    }
  }

  async close(): Promise<void> {
    await this.#preparation.close();
  }
}

const isRefusal = (error: unknown): error is TrainyardError =>
  error instanceof TrainyardError && error.code === "REFUSED";

const drained = (message: string) => new TrainyardError("INTERRUPTED", message);

function throwIfDrained(signal: AbortSignal): void {
  if (signal.aborted) throw drained("drained: its lanes went back");
}
