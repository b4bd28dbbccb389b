/**
 * A coordinator's life: it takes a run's next generation, reads what former ones left, and carries the run out, until
 * the run ends or another coordinator has taken it. One run, one coordinator; what it knows lies in the store.
 */
import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import type { GenerationRecord } from "../shared/generations.js";
import { requireSecured } from "../shared/grpc/listen.js";
import type { Logger } from "../shared/log.js";
import { isLoopback } from "../shared/loopback.js";
import { type CoordinatorMetrics, coordinatorMetrics } from "../shared/metrics.js";
import { ServerSecurity } from "../shared/security/server-security.js";
import type { RunSpec } from "../shared/spec.js";
import { effectiveSpec, joinChanges, type SpecChanges } from "../shared/spec-changes.js";
import type { RunStatus } from "../shared/status.js";
import { meteredStore } from "../shared/store/metered.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import type { KeyIssuer } from "../shared/store/worker-keys.js";
import type { Tracer } from "../shared/tracing.js";
import { programVersion } from "../shared/version.js";
import { findRestoration, type Restoration } from "./checkpoints/restoration.js";
import { initialState } from "./core/initial-state.js";
import { dimensionsOf } from "./core/run-dimensions.js";
import { reasonItEnded } from "./core/saved.js";
import type { Outcome, Restored } from "./core/state.js";
import type { CoordinatorDependencies } from "./dependencies.js";
import { fencedStore } from "./generation-fence.js";
import { Ownership } from "./ownership/ownership.js";
import { askOwner, findVacancy, sameAuthority, type Vacancy } from "./ownership/takeover.js";
import { Ports, type RunPorts } from "./ports.js";
import { absoluteStore, type RunInputs, readRunInputs, validationLabels } from "./run-inputs.js";
import { RunKeys } from "./run-keys.js";
import { Shell } from "./shell.js";

/** Settings of a coordinator. */
export interface CoordinatorOptions extends CoordinatorDependencies {
  readonly run: string;
  readonly store: ObjectStore;
  /** Where control, tensors and HTTP listen. Beyond loopback only with `security`, or `insecure`. */
  readonly host: string;
  readonly insecure: boolean;
  /** Decides who may connect, and holds the certificate of every port. Default: every peer may, in plain text. */
  readonly security?: ServerSecurity;
  /** The host name that workers and pages connect to; default: `host`. */
  readonly advertise?: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly tensorPort: number;
  readonly httpPort: number;
  /** Where it is reached. Default: ports of its own, for as long as the run is coordinated. */
  readonly ports?: Ports;
  readonly reducers: number;
  /** Makes store keys for workers. Default: workers have their own, or need none. */
  readonly keyIssuer?: KeyIssuer | null;
  /** How long the ports stay open after the end, so that workers, pages and followers learn of it. */
  readonly lingerMs: number;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** Called once, when workers may join. */
  readonly onReady: (addresses: CoordinatorAddresses) => void;
  /** Gets a sentence when another coordinator has to be waited for. Default: it is logged. */
  readonly onWaiting?: (sentence: string) => void;
  /** Aborted: end at the last commit, with a checkpoint. */
  readonly signal: AbortSignal;
  /** How the run then ends. Default: stop. `interrupt`: it goes on when a coordinator stands again. */
  readonly onAbort?: "stop" | "interrupt";
  /** A run to which no worker comes waits on. Default: it fails after limits.noWorkersMs. */
  readonly waitsForWorkers?: boolean;
  /** Changes of the run's spec. They hold for this coordinator and all later ones. */
  readonly changes?: SpecChanges;
}

/** The run that a coordinator took, and where it is reached. */
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

/** How a run ended. */
export interface CoordinatorEnd {
  readonly outcome: Outcome;
  readonly status: RunStatus;
}

/** What is known of the run before it is taken. */
interface Opening extends RunInputs {
  readonly vacancy: Vacancy;
  readonly generation: number;
  /** Changes of the spec by all coordinators so far, this one's last: later changes override earlier ones. */
  readonly changes: SpecChanges;
  readonly metrics: CoordinatorMetrics;
}

/** Where workers and people reach it. */
interface Here {
  readonly addresses: Ports["addresses"];
  readonly ports: RunPorts;
}

/** What is known once it is taken. */
interface Beginning {
  readonly restoration: Restoration | null;
  readonly notes: readonly string[];
  readonly abandoned: readonly string[];
}

/**
 * Resolves when the run has ended, however. Errors: NOT_FOUND, ALREADY_EXISTS (it has finished, or another coordinator),
 * USAGE, FENCED (another coordinator has taken it over), the store's.
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<CoordinatorEnd> {
  requireSecured(options.host, options.security ?? ServerSecurity.none(), options.insecure);
  setLogVerbosity(logVerbosity.NONE); // what it would print comes as errors, too
  const opening = await openRun(options);
  const metered = {
    ...options,
    store: meteredStore(options.store, opening.metrics, options.clock ?? realClock),
  };
  const ports = options.ports ?? (await Ports.open(options));
  const here: Here = { addresses: ports.addresses, ports: ports.admit({ ...opening, run: options.run }) };
  try {
    const ownership = await takeRun(metered, opening, here);
    try {
      const beginning = await beginRun(metered, opening, ownership);
      return await carryOut(metered, opening, { ...beginning, ...here, ownership });
    } finally {
      await ownership.stop();
    }
  } finally {
    ports.leave(here.ports);
    if (options.ports === undefined) await ports.close();
  }
}

async function openRun(options: CoordinatorOptions): Promise<Opening> {
  const { store, run, logger, clock = realClock, signal } = options;
  const inputs = await readRunInputs(store, run);
  const { onWaiting = (sentence: string) => logger.warn(sentence) } = options;
  const vacancy = await findVacancy({
    store,
    run,
    clock,
    onWaiting,
    signal,
    ask: options.askOwner ?? ((record) => askOwner(record, run, sameAuthority(options.security))),
  });
  for (const note of vacancy.notes) logger.warn(note);
  const changes = joinChanges(vacancy.changes, options.changes ?? {});
  const spec = effectiveSpec(inputs.spec, changes);
  const generation = vacancy.last + 1;
  return { ...inputs, spec, vacancy, changes, generation, metrics: describeRun(spec, generation, options) };
}

/** Errors: ALREADY_EXISTS when another coordinator was faster. */
async function takeRun(options: CoordinatorOptions, opening: Opening, here: Here): Promise<Ownership> {
  const { store, run, logger, clock = realClock } = options;
  const record: GenerationRecord = {
    generation: opening.generation,
    ...here.addresses,
    host: hostname(),
    startedAt: clock.date().toISOString(),
    renewals: 0,
    changes: opening.vacancy.changes,
  };
  return await Ownership.claim({ store, run, clock, logger }, record);
}

/**
 * Reads what the run goes on from, after it was taken: what former coordinators write from now on is not read, and
 * what one of them still deletes is older than a whole checkpoint. A run that can't be gone on with is given back.
 */
async function beginRun(
  options: CoordinatorOptions,
  { spec, changes, vacancy }: Opening,
  ownership: Ownership,
): Promise<Beginning> {
  const { store, run, logger, clock = realClock } = options;
  try {
    const { restoration, notes, abandoned } = await findRestoration(store, run, spec.optimizer, clock);
    for (const note of notes) logger.warn(note);
    const restored = restoration?.restored ?? null;
    if (restored !== null) requireEpochs(spec, restored);
    await ownership.settle({ from: restored?.checkpoint ?? null, changes });
    const more =
      restored === null ? [] : [...scheduleNotes(spec, vacancy.changes, options), standOf(restored, spec)];
    return { restoration, abandoned, notes: [...vacancy.notes, ...notes, ...more] };
  } catch (error) {
    if (!ownership.fenced.aborted) {
      const say = (failure: Error) => logger.warn(`the run could not be given back: ${failure.message}`);
      await ownership.release().catch(say);
    }
    throw error;
  }
}

async function carryOut(
  options: CoordinatorOptions,
  opening: Opening,
  begun: Beginning & Here & { readonly ownership: Ownership },
): Promise<CoordinatorEnd> {
  const { run, clock = realClock, onReady } = options;
  const { restoration, abandoned, notes, ownership, addresses, ports } = begun;
  const { generation, manifest, spec, metrics } = opening;
  const restored = restoration?.restored ?? null;
  metrics.samplesRedone.inc(restored?.redone ?? 0);
  const dimensions = dimensionsOf(spec, manifest.splits.train, validationLabels(opening));
  const salt = options.drawSalt?.() ?? randomInt(2 ** 32);
  const waitsForWorkers = options.waitsForWorkers ?? false;
  const start = { dimensions, generation, version: programVersion(), waitsForWorkers, restored, salt };
  const state = initialState(start, clock.nowMs());
  const keys = runKeysOf(options, spec);
  const shell = new Shell({
    ...options,
    ...opening,
    keys,
    store: fencedStore(options.store, ownership),
    storeAddress: absoluteStore(options.store.url),
    state,
    restoration,
    abandoned,
    finish: (folder) => ownership.finish(folder),
  });
  try {
    options.onShell?.(shell);
    await keys?.begin(() => shell.sendKeys());
    ports.serve(shell);
    onReady({ run, generation, ...addresses, notes });
    return await followToEnd(options, shell, ownership);
  } finally {
    keys?.close();
    await shell.close();
  }
}

/** Keys for the run's workers. They go over TLS, or to this machine's own processes only. */
function runKeysOf(options: CoordinatorOptions, { run, dataset }: RunSpec): RunKeys | undefined {
  const { keyIssuer = null, host, security, logger, clock = realClock } = options;
  if (keyIssuer === null) return undefined;
  if (isLoopback(host) || (security?.tls ?? null) !== null)
    return new RunKeys({ issuer: keyIssuer, run, dataset: dataset.name, clock, logger });
  logger.warn("without --tls no store keys are sent to workers: they use those of their own environment");
  return undefined;
}

/** Errors: FENCED. */
async function followToEnd(
  options: CoordinatorOptions,
  shell: Shell,
  ownership: Ownership,
): Promise<CoordinatorEnd> {
  const { signal, onAbort = "stop", logger, lingerMs, clock = realClock } = options;
  const stop = () => shell.dispatch({ tag: onAbort, reason: "interrupted" });
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const outcome = await Promise.race([shell.ended, untilFenced(ownership, shell)]);
    logger.debug(`the run ended: ${outcome.tag}`);
    await ownership.stop();
    if (outcome.tag !== "interrupted") await clock.sleep(lingerMs);
    return { outcome, status: shell.status };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The shell hears nothing more at once: its workers' streams end, and they look for the run's coordinator again. */
function untilFenced({ fenced }: Ownership, shell: Shell): Promise<never> {
  return new Promise((_, reject) => {
    const onFenced = () => {
      shell.hold();
      reject(fenced.reason);
    };
    if (fenced.aborted) onFenced();
    else fenced.addEventListener("abort", onFenced, { once: true });
  });
}

function standOf({ checkpoint, saved }: Restored, spec: RunSpec): string {
  const { epoch, step } = saved.progress;
  const isOver = reasonItEnded(spec, saved) !== null;
  const where = isOver ? "the export" : `epoch ${epoch + 1}, step ${step}`;
  return `going on from checkpoint ${checkpoint}: ${where}`;
}

/** Errors: USAGE when more is done than the run shall have. */
function requireEpochs({ run, epochs }: RunSpec, { saved }: Restored): void {
  const { epoch, stepInEpoch } = saved.progress;
  const begun = epoch + (stepInEpoch > 0 ? 1 : 0);
  if (begun <= epochs) return;
  throw new TrainyardError(
    "USAGE",
    `${begun} epochs of the run ${run} are done or begun: --epochs must be at least ${begun}`,
  );
}

/** A cosine spans the run's epochs: with other ones it is another curve. */
function scheduleNotes(spec: RunSpec, former: SpecChanges, { changes }: CoordinatorOptions): string[] {
  const isChanged = changes?.epochs !== undefined && changes.epochs !== former.epochs;
  if (!isChanged || spec.optimizer.schedule !== "cosine") return [];
  return [
    `the learning rate jumps here: --schedule cosine now ends after ${spec.epochs} epochs, so the weights are not those of a run that had ${spec.epochs} from its beginning`,
  ];
}

function describeRun(
  spec: RunSpec,
  generation: number,
  { makeMetrics = coordinatorMetrics }: CoordinatorOptions,
): CoordinatorMetrics {
  const metrics = makeMetrics();
  metrics.describe(spec.run, spec.dataset.name, spec.model.name);
  metrics.epochs.set(spec.epochs);
  metrics.lanes.set(spec.lanes);
  metrics.generation.set(generation);
  return metrics;
}
