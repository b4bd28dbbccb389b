/**
 * `trainyard coordinator`: coordinates one run that `trainyard train` or this command wrote into the store; without one it
 * stands ready and takes runs from `trainyard submit`.
 */
import { runCoordinator } from "../coordinator/coordinator.js";
import { changesOf, refuseDecided } from "../runs/resume.js";
import { createRun, withdrawRun } from "../runs/run-creation.js";
import { checkRunName } from "../runs/run-name.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { requireSecured } from "../shared/grpc/listen.js";
import { letHeapGrow } from "../shared/heap.js";
import { createLogger, type Logger } from "../shared/log.js";
import { findPublication } from "../shared/publication.js";
import type { ServerSecurity } from "../shared/security/server-security.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import { runSettings } from "../shared/settings/run-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { hasChanges, type SpecChanges } from "../shared/spec-changes.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { openKeyIssuer } from "../shared/store/worker-keys.js";
import { defineCommand, type WrittenSettings } from "./command.js";
import { exitCodeOf } from "./run-exit-code.js";
import { openServerSecurity } from "./security-flags.js";
import { untilStdinCloses, withSignals } from "./signals.js";
import { stand } from "./standing.js";
import { openTracer } from "./trace-flags.js";
import { openUserStore } from "./user-store.js";

type CoordinatorFlags = FlagsOf<typeof commandSettings.coordinator> & GlobalFlags;

export const command = defineCommand({
  name: "coordinator",
  describe: "Coordinate a run: workers on this and other machines join it",
  settings: commandSettings.coordinator,
  examples: [
    ["$0 coordinator --advertise train-1 --tensor-port 7071", "Stand ready: submit hands runs in"],
    [
      "$0 coordinator faces --host 0.0.0.0 --tls certs/coordinator --advertise train-1 --tensor-port 7071",
      "Coordinate a new run for workers of other machines, which have certificates",
    ],
    ["$0 coordinator --run faces-1 --port 7070", "Go on with a run whose coordinator died or hangs"],
    ["$0 worker --coordinator train-1:7070 --tls certs/worker", "Join it from another machine"],
  ],
  run: async (flags, written) => {
    process.exitCode = await withSignals((signal) => coordinate({ flags, written, signal }));
  },
});

/** A command line and what ends the command. */
interface Asked {
  readonly flags: CoordinatorFlags;
  readonly written: WrittenSettings;
  readonly signal: AbortSignal;
}

/** What a coordinator needs beside its flags, once its store is open. */
interface Opened extends Asked {
  readonly security: ServerSecurity;
  readonly store: ObjectStore;
}

async function coordinate(asked: Asked): Promise<ExitCode> {
  const { flags, written, signal } = asked;
  const logger = createLogger({ role: "coordinator", level: flags.logLevel, isAttached: flags.attached });
  const security = openServerSecurity(flags, logger);
  try {
    requireSecured(flags.host, security, flags.insecure);
    letHeapGrow();
    if (flags.dataset === undefined && flags.run === undefined) {
      refuseRunSettings(written);
      const store = await openUserStore(flags.store, signal, "create");
      return await standReadyFor({ ...asked, security, store }, logger);
    }
    const store = await openUserStore(flags.store, signal, "write");
    return await coordinateOne({ ...asked, security, store });
  } finally {
    security.close();
  }
}

/** Coordinates the run of a data set, or the one that --run names. A new run that can't begin leaves nothing behind. */
async function coordinateOne(opened: Opened): Promise<ExitCode> {
  const { flags, written, store } = opened;
  const { run, isNew } = await chooseRun(opened);
  try {
    // A run that is named with its data set has the settings of these flags.
    const changes = flags.dataset === undefined ? changesOf(flags, written) : {};
    return await coordinateRun(opened, run, changes);
  } catch (error) {
    if (isNew) await withdrawRun(store, run);
    throw error;
  }
}

/** Without a run of its own: runs come over the wire. */
async function standReadyFor(opened: Opened, logger: Logger): Promise<ExitCode> {
  const { flags, security, store, signal } = opened;
  const tracer = await openTracer(flags, "coordinator", logger);
  try {
    return await stand({ ...placeOf(flags), tracer, security, store, logger, signal });
  } finally {
    await tracer.close();
  }
}

/** Where and how it listens, and what its workers get for the store. Errors: USAGE. */
function placeOf({
  host,
  advertise,
  insecure,
  port,
  tensorPort,
  httpPort,
  reducers,
  linger,
  store,
  workerKeys,
  stsRoleArn,
}: CoordinatorFlags) {
  const keyIssuer = openKeyIssuer(store, { kind: workerKeys, roleArn: stsRoleArn });
  const place = { host, insecure, port, tensorPort, httpPort, reducers, keyIssuer, lingerMs: linger * 1000 };
  return { ...place, ...(advertise === undefined ? {} : { advertise }) };
}

async function coordinateRun(opened: Opened, run: string, changes: SpecChanges): Promise<ExitCode> {
  const { flags, security, store, signal } = opened;
  const logger = createLogger({
    role: "coordinator",
    level: flags.logLevel,
    isAttached: flags.attached,
    fields: { run },
  });
  if (!hasChanges(changes) && (await isOver(store, run, logger, signal))) {
    if (flags.attached) tellStarter("finished");
    return ExitCode.finished;
  }
  const tracer = await openTracer(flags, "coordinator", logger);
  const { outcome } = await runCoordinator({
    ...placeOf(flags),
    tracer,
    security,
    run,
    changes,
    store,
    logger,
    signal: flags.attached ? AbortSignal.any([signal, untilStdinCloses()]) : signal,
    onReady: (addresses) => process.stdout.write(`${JSON.stringify({ ready: true, ...addresses })}\n`),
  }).finally(() => tracer.close());
  if (flags.attached) tellStarter(outcome.tag);
  return exitCodeOf(outcome.tag);
}

/** True when the run has finished: a coordinator that is started again after the end, as a container may be, has no work. */
async function isOver(store: ObjectStore, run: string, logger: Logger, signal: AbortSignal) {
  const publication = await findPublication(store, run, signal);
  if (publication === null) return false;
  logger.info(`the run has finished already: ${publication.result.reason} (trainyard runs show ${run})`);
  return true;
}

/** Tells the starting process that the run has ended, so that the exit code is not taken for a crash. */
function tellStarter(outcome: string): void {
  process.stdout.on("error", () => undefined); // its starter may be gone
  process.stdout.write(`${JSON.stringify({ ended: outcome })}\n`);
}

/** Without a run, a run's setting would do nothing. Errors: USAGE. */
function refuseRunSettings(written: WrittenSettings): void {
  const flag = Object.keys(runSettings).find((name) => written.has(name));
  if (flag === undefined) return;
  throw new TrainyardError(
    "USAGE",
    `--${flag} is a run's: name a data set here, or hand it in with trainyard submit DATASET --${flag} …`,
  );
}

/** A run of a data set, new unless this command has made it before, or the one that --run names. */
async function chooseRun({
  flags,
  written,
  store,
  signal,
}: Opened): Promise<{ run: string; isNew: boolean }> {
  if (flags.dataset !== undefined) {
    const created = await createRun(store, flags.dataset, flags, { signal, orSame: true });
    for (const note of created.notes) process.stderr.write(`${note}\n`);
    return { run: created.spec.run, isNew: created.isNew };
  }
  if (flags.run !== undefined) {
    refuseDecided(flags.run, written, ["run"]);
    return { run: checkRunName(flags.run), isNew: false };
  }
  throw new Error("invariant broken: a run was to be chosen where none is named");
}
