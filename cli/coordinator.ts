/**
 * `trainyard coordinator`: coordinates one run that `trainyard train` or this command wrote into the store; without one it
 * stands ready and takes runs from `trainyard submit`.
 */
import type { CommandModule } from "yargs";
import { runCoordinator } from "../coordinator/main.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { requireSecured } from "../shared/grpc/listen.js";
import { letHeapGrow } from "../shared/heap.js";
import { createLogger, type Logger } from "../shared/log.js";
import { findPublication } from "../shared/publication.js";
import type { ServerSecurity } from "../shared/security/server-security.js";
import { hasChanges, type SpecChanges } from "../shared/spec-changes.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type GlobalOptions, numberOption } from "./options.js";
import { changesOf, refuseDecided } from "./resume.js";
import { createRun, withdrawRun } from "./run-creation.js";
import { exitCodeOf } from "./run-exit-code.js";
import { checkRunName } from "./run-name.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { openServerSecurity, serverSecurityOptions } from "./security-flags.js";
import { untilStdinCloses, withSignals } from "./signals.js";
import { stand } from "./standing.js";
import { writtenOptions } from "./strictness.js";
import { openTracer, type TraceFlags, traceOptions } from "./trace-flags.js";
import { openUserStore } from "./user-store.js";

interface Options extends GlobalOptions, RunFlags, TraceFlags {
  dataset?: string | undefined;
  host: string;
  advertise?: string | undefined;
  tls?: string | undefined;
  tokens?: string | undefined;
  insecure: boolean;
  port: number;
  tensorPort: number;
  httpPort: number;
  reducers: number;
  linger: number;
  attached: boolean;
}

const network = "Network:";

export const listenOptions = {
  host: {
    type: "string",
    default: "127.0.0.1",
    requiresArg: true,
    describe: "Address to listen on",
    group: network,
  },
  advertise: {
    type: "string",
    requiresArg: true,
    describe: "Name or address that others reach it by [default: --host]",
    group: network,
  },
  ...serverSecurityOptions,
  port: numberOption(
    "port",
    { min: 0, max: 65_535, whole: true },
    { default: 7070, describe: "Control port (0 = any)", group: network },
  ),
  "tensor-port": numberOption(
    "tensor-port",
    { min: 0, max: 65_535, whole: true },
    { default: 0, describe: "Reducer r listens on this + r (0 = any)", group: network },
  ),
  "http-port": numberOption(
    "http-port",
    { min: 0, max: 65_535, whole: true },
    { default: 0, describe: "Page, /status and /metrics (0 = any)", group: network },
  ),
  reducers: numberOption(
    "reducers",
    { min: 1, max: 64, whole: true },
    { default: 1, describe: "Reducer threads; never changes a bit", group: network },
  ),
  linger: numberOption(
    "linger",
    { min: 0, max: 86_400 },
    {
      default: 1,
      describe: "Seconds in which late workers and followers still learn of the end",
      group: network,
    },
  ),
  attached: { type: "boolean", default: false, hidden: true },
} as const;

export const command: CommandModule<GlobalOptions, Options> = {
  command: "coordinator [dataset]",
  describe: "Coordinate a run: workers on this and other machines join it",
  builder: (yargs) =>
    yargs
      .positional("dataset", {
        type: "string",
        describe: "Data set of a new run; leave out with an existing --run, or to stand ready for submit",
      })
      .options({ ...runOptions, ...listenOptions, ...traceOptions("Traces:") })
      .example("$0 coordinator --advertise train-1 --tensor-port 7071", "Stand ready: submit hands runs in")
      .example(
        "$0 coordinator faces --host 0.0.0.0 --tls certs/coordinator --advertise train-1 --tensor-port 7071",
        "Coordinate a new run for workers of other machines, which have certificates",
      )
      .example("$0 coordinator --run faces-1 --port 7070", "Go on with a run whose coordinator died or hangs")
      .example(
        "$0 worker --coordinator train-1:7070 --tls certs/worker",
        "Join it from another machine",
      ) as never,
  handler: async (options) => {
    process.exitCode = await withSignals((signal) => coordinate(options, signal));
  },
};

async function coordinate(options: Options, signal: AbortSignal): Promise<ExitCode> {
  const security = openServerSecurity(
    options,
    createLogger({ role: "coordinator", level: options.logLevel }),
  );
  requireSecured(options.host, security, options.insecure);
  letHeapGrow();
  if (options.dataset === undefined && options.run === undefined) {
    return await standReadyFor(options, security, signal).finally(() => security.close());
  }
  const store = await openUserStore(options.store, signal, { create: false });
  const { run, isNew } = await chooseRun(options, store, signal);
  try {
    // A run that is named with its data set has the settings of these flags.
    const changes = options.dataset === undefined ? changesOf(options) : {};
    return await coordinateRun(options, security, store, run, changes, signal);
  } catch (error) {
    if (isNew) await withdrawRun(store, run);
    throw error;
  } finally {
    security.close();
  }
}

/** Without a run of its own: runs come over the wire. */
async function standReadyFor(
  options: Options,
  security: ServerSecurity,
  signal: AbortSignal,
): Promise<ExitCode> {
  refuseRunFlags();
  const logger = createLogger({ role: "coordinator", level: options.logLevel });
  const store = await openUserStore(options.store, signal);
  const tracer = await openTracer(options, "coordinator", logger);
  try {
    return await stand({ ...placeOf(options), tracer, security, store, logger, signal });
  } finally {
    await tracer.close();
  }
}

/** Where and how it listens. */
function placeOf({ host, advertise, insecure, port, tensorPort, httpPort, reducers, linger }: Options) {
  const place = { host, insecure, port, tensorPort, httpPort, reducers, lingerMs: linger * 1000 };
  return { ...place, ...(advertise === undefined ? {} : { advertise }) };
}

async function coordinateRun(
  options: Options,
  security: ServerSecurity,
  store: ObjectStore,
  run: string,
  changes: SpecChanges,
  signal: AbortSignal,
): Promise<ExitCode> {
  const logger = createLogger({ role: "coordinator", level: options.logLevel, fields: { run } });
  if (!hasChanges(changes) && (await isOver(store, run, logger, signal))) {
    if (options.attached) tellStarter("finished");
    return ExitCode.finished;
  }
  const tracer = await openTracer(options, "coordinator", logger);
  const { outcome } = await runCoordinator({
    ...placeOf(options),
    tracer,
    security,
    run,
    changes,
    store,
    logger,
    signal: options.attached ? AbortSignal.any([signal, untilStdinCloses()]) : signal,
    onReady: (addresses) => process.stdout.write(`${JSON.stringify({ ready: true, ...addresses })}\n`),
  }).finally(() => tracer.close());
  if (options.attached) tellStarter(outcome.tag);
  return exitCodeOf(outcome.tag);
}

/** Nothing is left to do for one that is started again after the end, as a container may be. */
async function isOver(store: ObjectStore, run: string, logger: Logger, signal: AbortSignal) {
  const publication = await findPublication(store, run, signal);
  if (publication === null) return false;
  logger.info(`the run has finished already: ${publication.result.reason} (trainyard runs show ${run})`);
  return true;
}

/** That the run has ended, and its coordinator did not just die with the same exit code. */
function tellStarter(outcome: string): void {
  process.stdout.on("error", () => undefined); // its starter may be gone
  process.stdout.write(`${JSON.stringify({ ended: outcome })}\n`);
}

/** A flag that would change nothing is a mistake, not a wish. Errors: USAGE. */
function refuseRunFlags(): void {
  const [flag] = writtenOptions(Object.keys(runOptions), process.argv.slice(2));
  if (flag === undefined) return;
  throw new TrainyardError(
    "USAGE",
    `--${flag} is a run's: name a data set here, or hand it in with trainyard submit DATASET --${flag} …`,
  );
}

/** A run of a data set, new unless this command has made it before, or the one that --run names. */
async function chooseRun(
  options: Options,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<{ readonly run: string; readonly isNew: boolean }> {
  if (options.dataset !== undefined) {
    const created = await createRun(store, options.dataset, options, signal, { orSame: true });
    for (const note of created.notes) process.stderr.write(`${note}\n`);
    return { run: created.spec.run, isNew: created.isNew };
  }
  if (options.run !== undefined) {
    refuseDecided(options.run, ["run"]);
    return { run: checkRunName(options.run), isNew: false };
  }
  throw new Error("invariant broken: a run was to be chosen where none is named");
}
