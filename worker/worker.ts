/**
 * A worker's life, from joining to leaving: connect, say hello, prepare when welcomed, carry out assignments
 * until the run is over. A lost coordinator is looked for again; everything that was prepared is kept.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { ImageCacheOptions } from "../dataset/image-loader.js";
import { type ComputeDevice, plainCpu } from "../engine/native/compute-device.js";
import { TrainyardError } from "../shared/errors.js";
import { protocolVersion } from "../shared/grpc/version.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";
import type { RunSpec } from "../shared/spec.js";
import { stepIdentity } from "../shared/spec-changes.js";
import { noTracer, type Tracer } from "../shared/tracing.js";
import { programVersion } from "../shared/version.js";
import { realDependencies, type WorkerDependencies } from "./dependencies.js";
import { EndWatch, type RunEnd, type RunLocation } from "./end-watch.js";
import { workerFingerprint } from "./fingerprint.js";
import type { PreparedRun } from "./prepared-run.js";
import { runSession, type SessionEnd } from "./session.js";

export interface WorkerOptions {
  /** host:port of the coordinator's control plane. */
  readonly coordinator: string;
  /** What it shows and whom it believes. Default: plain text, no token. */
  readonly security?: ClientSecurity;
  /** Overrides the store that the coordinator names. */
  readonly store?: string;
  /** The run that it is for, and where it lies unless a coordinator names another store. Default: any coordinator's. */
  readonly run?: RunLocation;
  /** Stable over reconnects; default: host, process and a random part. */
  readonly id?: string;
  /** Where decoded pictures are kept. Default: in memory of limits.imageCacheBytes. */
  readonly imageCache?: ImageCacheOptions;
  /** What its engine computes on. Default: the CPU. */
  readonly device?: ComputeDevice;
  /** Gives up after so long without a coordinator; infinite: never. Default: limits.firstConnectMs. */
  readonly connectTimeoutMs?: number;
  /** It serves other runs, too: refused for one that it has worked for, it is through with that one. */
  readonly isStaying?: boolean;
  /** May this process compute for a run with this engine? Errors: INTERRUPTED, which ends the worker. Default: any. */
  readonly requireEngine?: (engine: RunSpec["engine"]) => void;
  /** host:port of this worker's metrics; empty = none. */
  readonly metricsAddress: string;
  readonly logger: Logger;
  readonly metrics: WorkerMetrics;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** Aborted = drain: hand the lanes back and leave. */
  readonly signal: AbortSignal;
  /** Default: the real ones. */
  readonly dependencies?: WorkerDependencies;
}

/** Resolves when the run is over. Errors: UNREACHABLE, REFUSED, INTERRUPTED (drained by a signal or the coordinator). */
export async function runWorker(options: WorkerOptions): Promise<RunEnd> {
  const worker = new WorkerLife(options);
  try {
    return await worker.live();
  } finally {
    await worker.close();
  }
}

class WorkerLife {
  readonly #options: WorkerOptions;
  readonly #around: WorkerDependencies;
  readonly #id: string;
  readonly #endWatch: EndWatch;
  /** Known from the start, or from the first welcome on. */
  #run: RunLocation | undefined;
  /** Of the last look. */
  #tlsFault: string | undefined;
  #place: { readonly identity: string; readonly opened: Promise<PreparedRun> } | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#around = options.dependencies ?? realDependencies;
    const { logger, signal } = options;
    const { clock, openStore } = this.#around;
    this.#endWatch = new EndWatch({ clock, logger, signal, openStore });
    this.#run = options.run;
    this.#id = options.id ?? `${hostname()}-${process.pid}-${randomUUID().slice(0, 4)}`;
    options.metrics.describe(this.#id);
  }

  async live(): Promise<RunEnd> {
    const { logger, metrics, signal, coordinator } = this.#options;
    const { clock } = this.#around;
    let lastSeenMs = clock.nowMs();
    let saidMs = lastSeenMs;
    let pauseMs: number = limits.reconnectMinMs;
    for (;;) {
      throwIfDrained(signal);
      const end = await this.#join().catch((error: unknown) => this.#overWhenRefused(error));
      throwIfDrained(signal);
      if (end.tag === "finished") return end;
      if (end.tag === "drained") {
        throw new TrainyardError("INTERRUPTED", `drained by the coordinator: ${end.reason}`);
      }
      if (end.wasWelcome) {
        logger.warn(`lost the coordinator: ${end.reason}; looking for it again`);
        lastSeenMs = clock.nowMs();
        pauseMs = limits.reconnectMinMs;
        metrics.reconnects.inc();
        saidMs = lastSeenMs;
      }
      if (end.hasToWait) lastSeenMs = clock.nowMs();
      const over = this.#run === undefined ? null : this.#endWatch.glance(this.#run);
      if (over !== null) return over;
      const reason = end.wasWelcome ? end.reason : await this.#reasonOf(end.reason, pauseMs);
      this.#giveUpAfter(lastSeenMs, reason, coordinator);
      if (clock.nowMs() - saidMs >= limits.lookingNoteMs) {
        logger.info(`still looking for a run at ${coordinator}: ${reason}`);
        saidMs = clock.nowMs();
      }
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, limits.reconnectMaxMs);
    }
  }

  /**
   * Why it was not welcomed. Whether TLS is the reason is looked into at the first attempt only. Errors: REFUSED when no
   * further attempt can end otherwise.
   */
  async #reasonOf(said: string, pauseMs: number): Promise<string> {
    const { coordinator, security = noSecurity, logger } = this.#options;
    if (pauseMs > limits.reconnectMinMs) return this.#tlsFault ?? said;
    const fault = (await this.#around.diagnose?.(coordinator, security)) ?? null;
    this.#tlsFault = fault?.sentence;
    if (fault?.isFinal === true) throw new TrainyardError("REFUSED", fault.sentence);
    if (fault !== null) logger.warn(`${fault.sentence} Trying again`);
    return fault?.sentence ?? said;
  }

  /** A coordinator that does not take it is no matter once its own run has finished. */
  async #overWhenRefused(error: unknown): Promise<SessionEnd> {
    const over = this.#run === undefined ? null : await this.#endWatch.look(this.#run);
    if (over !== null) return { tag: "finished", ...over };
    const { isStaying = false } = this.#options;
    if (!isStaying || this.#run === undefined || !isSetupError(error)) throw error;
    return { tag: "finished", outcome: "left", message: error.message };
  }

  async close(): Promise<void> {
    const place = await this.#place?.opened.catch(() => undefined);
    await place?.close();
  }

  /** One stream: hello, then the session until it ends. */
  async #join() {
    const { coordinator, security = noSecurity, logger, metrics, signal, tracer = noTracer } = this.#options;
    const control = this.#around.connect(coordinator, security);
    const drain = () => {
      control.send({ kind: "leaving", reason: "drained" });
      this.#around.clock.after(100, () => control.cancel());
    };
    signal.addEventListener("abort", drain, { once: true });
    control.run = this.#run?.run ?? "";
    control.send({
      kind: "hello",
      protocol: protocolVersion,
      version: programVersion(),
      worker: this.#id,
      host: hostname(),
      pid: process.pid,
      fingerprint: workerFingerprint(this.#options.device ?? plainCpu),
      metrics: this.#options.metricsAddress,
    });
    try {
      return await runSession({
        id: this.#id,
        host: coordinator.slice(0, coordinator.lastIndexOf(":")),
        control,
        security,
        logger,
        metrics,
        tracer,
        dependencies: this.#around,
        accept: (run, spec, store) => this.#accept(run, spec, store),
        prepareRun: (spec, store) => this.#workplace(spec, store),
      });
    } finally {
      signal.removeEventListener("abort", drain);
    }
  }

  /** One worker, one run. Errors: REFUSED for another one's coordinator; those of `requireEngine`. */
  #accept(run: string, spec: RunSpec, store: string): void {
    const { coordinator } = this.#options;
    if (this.#run !== undefined && this.#run.run !== run) {
      throw new TrainyardError(
        "REFUSED",
        `the coordinator at ${coordinator} has the run ${run}, this worker is for ${this.#run.run}: start another worker for it`,
      );
    }
    this.#options.requireEngine?.(spec.engine);
    this.#run = { run, store: this.#options.store ?? store };
  }

  /** The same run again keeps its engine and its images, unless the engine's thread died. */
  async #workplace(spec: RunSpec, storeUrl: string): Promise<PreparedRun> {
    const identity = stepIdentity(spec);
    if (this.#place !== undefined && this.#place.identity !== identity) {
      throw new TrainyardError(
        "REFUSED",
        `the run ${spec.run} has another spec now: start a new worker for it`,
      );
    }
    this.#place ??= { identity, opened: this.#openWorkplace(spec, storeUrl) };
    const place = await this.#place.opened.catch((error: unknown) => {
      this.#place = undefined; // the next welcome tries again
      throw error;
    });
    if (!place.engine.isDead) return place;
    this.#place = undefined;
    await place.close();
    return await this.#workplace(spec, storeUrl);
  }

  async #openWorkplace(spec: RunSpec, storeUrl: string): Promise<PreparedRun> {
    const { clock } = this.#around;
    const { store = storeUrl, signal, imageCache, device, metrics } = this.#options;
    const startedMs = clock.nowMs();
    const place = await this.#around.prepareRun(spec, store, signal, { imageCache, device, metrics });
    const seconds = (clock.nowMs() - startedMs) / 1000;
    this.#options.logger.info({ run: spec.run }, `prepared in ${seconds.toFixed(1)} s`);
    return place;
  }

  #giveUpAfter(lastSeenMs: number, reason: string, coordinator: string): void {
    const patienceMs = this.#options.connectTimeoutMs ?? limits.firstConnectMs;
    if (this.#around.clock.nowMs() - lastSeenMs < patienceMs) return;
    throw new TrainyardError(
      "UNREACHABLE",
      `no coordinator at ${coordinator} for ${patienceMs / 1000} s (${reason}): is it running, and is the address right?`,
    );
  }
}

const isSetupError = (error: unknown): error is TrainyardError =>
  error instanceof TrainyardError && error.code === "REFUSED";

function throwIfDrained(signal: AbortSignal): void {
  if (signal.aborted) throw new TrainyardError("INTERRUPTED", "drained: its lanes went back");
}
