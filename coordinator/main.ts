/**
 * A coordinator's life: it takes a run's next generation, opens its ports, and carries the run out. One run, one
 * coordinator; what it knows lies in the store.
 */
import { resolve } from "node:path";
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import type { Manifest } from "../dataset/manifest.js";
import { readManifest } from "../dataset/manifest-file.js";
import { TrainyardError } from "../shared/errors.js";
import { requireLoopback } from "../shared/grpc/listen.js";
import { type MetricsServer, startMetricsServer } from "../shared/http.js";
import { asGeneration } from "../shared/ids.js";
import type { Logger } from "../shared/log.js";
import { type CoordinatorMetrics, coordinatorMetrics } from "../shared/metrics.js";
import { RunSpec, runKey } from "../shared/spec.js";
import { fetchStatus, type GenerationRecord, hasEnded, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { programVersion } from "../shared/version.js";
import { ControlServer } from "./control-server.js";
import { planRun } from "./core/plan.js";
import type { Outcome, Restored } from "./core/state.js";
import { initialState } from "./core/transition.js";
import { claimGeneration, lastGeneration, readGeneration } from "./generation.js";
import { findRestoration } from "./restoration.js";
import { coordinatorRoutes } from "./routes.js";
import { Shell } from "./shell.js";

export interface CoordinatorOptions {
  readonly run: string;
  readonly store: ObjectStore;
  /** Where control, tensors and HTTP listen. Beyond loopback only with `insecure`. */
  readonly host: string;
  readonly insecure: boolean;
  /** What workers and pages are told to connect to; default: `host`. */
  readonly advertise?: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tensorPort: number;
  readonly httpPort: number;
  readonly reducers: number;
  /** How long pages and followers may still ask for the end, and workers are told of it. */
  readonly lingerMs: number;
  readonly logger: Logger;
  /** Told once, when workers may come. */
  readonly onReady: (addresses: CoordinatorAddresses) => void;
  /** Aborted: stop at the last commit, with a checkpoint. */
  readonly signal: AbortSignal;
}

export interface CoordinatorAddresses {
  readonly run: string;
  readonly generation: number;
  /** gRPC, host:port. */
  readonly address: string;
  /** HTTP, host:port. */
  readonly http: string;
  /** What a person should know: the checkpoint that the run goes on from, and those that were skipped. */
  readonly notes: readonly string[];
}

export interface CoordinatorEnd {
  readonly outcome: Outcome;
  readonly status: RunStatus;
}

/** Resolves when the run has ended, however. Errors: NOT_FOUND, ALREADY_EXISTS, USAGE, the store's. */
export async function runCoordinator(options: CoordinatorOptions): Promise<CoordinatorEnd> {
  requireLoopback(options.host, options.insecure);
  setLogVerbosity(logVerbosity.NONE); // what it would print comes as errors, too
  const { store, run, logger } = options;
  const spec = await readSpec(store, run);
  const manifest = await readRunManifest(store, spec);
  const former = await lastGeneration(store, run);
  await refuseOwned(store, run, former);
  const { restoration, notes } = await findRestoration(store, run);
  for (const note of notes) logger.warn(note);
  const metrics = describeRun(spec);
  const generation = asGeneration(former + 1);
  metrics.generation.set(generation);
  metrics.samplesRedone.inc(restoration?.restored.redone ?? 0);
  const plan = planRun(spec, manifest.splits.train.samples, validationLabels(spec, manifest));
  const restored = restoration?.restored ?? null;
  const state = initialState(plan, generation, programVersion(), performance.now(), restored);
  const { host, tensorPort, reducers } = options;
  const storeAddress = absoluteStore(store.url);
  const shell = new Shell({
    spec,
    manifest,
    store,
    storeAddress,
    state,
    restoration,
    host,
    tensorPort,
    reducers,
    logger,
    metrics,
  });
  shell.hold();
  const control = new ControlServer({
    run,
    generation,
    onEvent: (event) => shell.dispatch(event),
    onMalformed: (peer, message) => {
      metrics.messagesRefused.inc({ reason: "malformed" });
      logger.warn({ peer }, message);
    },
    onDropped: (_worker, reason) => metrics.messagesRefused.inc({ reason }),
  });
  const port = await control.listen(host, options.port);
  const http = await startHttp(options, metrics, shell);
  try {
    const addresses = {
      run,
      generation,
      address: `${options.advertise ?? host}:${port}`,
      http: `${options.advertise ?? host}:${http.address.slice(http.address.lastIndexOf(":") + 1)}`,
    };
    const from = restored?.checkpoint ?? null;
    await claimGeneration(store, run, { ...addresses, startedAt: new Date().toISOString(), from });
    shell.start(control);
    options.onReady({ ...addresses, notes: restored === null ? notes : [...notes, standOf(restored)] });
    return await followToEnd(options, shell);
  } finally {
    await shell.close();
    await http.close();
  }
}

async function followToEnd(options: CoordinatorOptions, shell: Shell): Promise<CoordinatorEnd> {
  const { signal, logger, lingerMs } = options;
  const stop = () => shell.dispatch({ tag: "stop", reason: "interrupted" });
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const outcome = await shell.ended;
  signal.removeEventListener("abort", stop);
  logger.debug(`the run ended: ${outcome.tag}`);
  await new Promise((resolve) => setTimeout(resolve, lingerMs));
  return { outcome, status: shell.status };
}

/** A relative folder means another one to a worker that was started elsewhere. */
function absoluteStore(url: string): string {
  if (url.startsWith("s3")) return url;
  return `file:${resolve(url.replace(/^file:/, ""))}`;
}

async function readSpec(store: ObjectStore, run: string): Promise<RunSpec> {
  const key = runKey(run, "spec.json");
  const bytes = await store.get(key).catch((error: unknown) => {
    if (error instanceof TrainyardError && error.code === "NOT_FOUND") {
      throw new TrainyardError("NOT_FOUND", `there is no run ${run} in ${store.url}`, { cause: error });
    }
    throw error;
  });
  const spec = RunSpec.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (spec.success) return spec.data;
  throw new TrainyardError("DAMAGED", `${key} is no run spec of this version: ${spec.error.message}`);
}

async function readRunManifest(store: ObjectStore, spec: RunSpec): Promise<Manifest> {
  const manifest = await readManifest(store, spec.dataset.name);
  if (manifest === null || manifest.hash !== spec.dataset.hash) {
    const what = manifest === null ? "is not there" : "is another one by now (its hash differs)";
    throw new TrainyardError("NOT_FOUND", `the data set ${spec.dataset.name} of the run ${spec.run} ${what}`);
  }
  return manifest;
}

/** A run that is over, or that another coordinator holds, is not taken. Errors: ALREADY_EXISTS, the store's. */
async function refuseOwned(store: ObjectStore, run: string, generation: number): Promise<void> {
  const refuse = (why: string) => {
    throw new TrainyardError("ALREADY_EXISTS", `the run ${run} ${why}`);
  };
  if ((await store.stat(runKey(run, "result.json"))) !== null) {
    refuse(`has finished (trainyard runs show ${run}): train again under another name`);
  }
  const owner = await readGeneration(store, run, generation);
  if (owner !== null && (await isAnswering(owner, run))) {
    refuse(
      `has a coordinator at ${owner.address}: let workers join that one, or end it with trainyard runs stop ${run}`,
    );
  }
}

function standOf({ checkpoint, saved }: Restored): string {
  const { epoch, step } = saved.progress;
  const where = saved.endedBecause === null ? `epoch ${epoch + 1}, step ${step}` : "the export";
  return `going on from checkpoint ${checkpoint}: ${where}`;
}

/** One that still tells of its end holds nothing any more. */
const isAnswering = ({ http }: GenerationRecord, run: string) =>
  fetchStatus(http, run).then(
    ({ phase }) => !hasEnded(phase),
    () => false,
  );

function describeRun(spec: RunSpec): CoordinatorMetrics {
  const metrics = coordinatorMetrics();
  metrics.runInfo.set({ run: spec.run, dataset: spec.dataset.name, model: spec.model.name }, 1);
  metrics.epochs.set(spec.epochs);
  metrics.lanes.set(spec.lanes);
  return metrics;
}

/** Labels of the validation split in the run's classes, in sample order. */
function validationLabels(spec: RunSpec, manifest: Manifest): number[] {
  const labels = manifest.classes.map((name) => spec.classes.indexOf(name));
  return manifest.splits.validation.shards.flatMap((shard) =>
    shard.samples.map((sample) => labels[sample.label] ?? sample.label),
  );
}

function startHttp(
  options: CoordinatorOptions,
  metrics: CoordinatorMetrics,
  shell: Shell,
): Promise<MetricsServer> {
  return startMetricsServer({
    registry: metrics.registry,
    host: options.host,
    port: options.httpPort,
    extraRoutes: coordinatorRoutes(shell),
    onError: (error, path) => options.logger.error(`${path} failed: ${String(error)}`),
  });
}
