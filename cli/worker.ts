/** `trainyard worker`: joins a coordinator and computes until the run is over. */
import { isAddress } from "../coordinator/observability/scrape-targets.js";
import { hiddenSentence } from "../engine/native/deciding-variables.js";
import { findDevice } from "../engine/native/find-device.js";
import { checkRunName } from "../runs/run-name.js";
import { realClock } from "../shared/clock.js";
import { type ExitCode, TrainyardError } from "../shared/errors.js";
import { requireSecured } from "../shared/grpc/listen.js";
import { letHeapGrow } from "../shared/heap.js";
import { startMetricsServer } from "../shared/http.js";
import { limits } from "../shared/limits.js";
import { createLogger } from "../shared/log.js";
import { workerMetrics } from "../shared/metrics.js";
import { holdsKeyPair } from "../shared/security/tls-files.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import {
  defaultStore,
  type GlobalFlags,
  type ServerSecurityFlags,
} from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { ProcessEngine } from "../worker/process-engine.js";
import { runWorker, type WorkerOptions } from "../worker/worker.js";
import { defineCommand } from "./command.js";
import { keepingOf } from "./image-cache-flags.js";
import { metricsAddress, portOf } from "./metrics-address.js";
import { exitCodeOf } from "./run-exit-code.js";
import { clientSecurityOf, openServerSecurity } from "./security-flags.js";
import { untilStdinCloses, withSignals } from "./signals.js";
import { openTracer } from "./trace-flags.js";

type WorkerFlags = FlagsOf<typeof commandSettings.worker> & GlobalFlags;

export const command = defineCommand({
  name: "worker",
  describe: "Join a coordinator and compute for its run",
  settings: commandSettings.worker,
  examples: [
    ["$0 worker --coordinator train-1:7070 --tls certs/worker", "Join the run on train-1"],
    [
      "$0 worker --coordinator train-1:7070 --run faces-1 --store s3://minio:9000/trainyard",
      "May be started again at any time, after the end too",
    ],
    ["$0 worker --coordinator train-1:7070 --stay", "A worker of a pool: serves whatever is submitted"],
  ],
  epilogue:
    "Reads the data set from the store that the coordinator names, with keys from the coordinator, or from --store with keys from the environment. " +
    "A worker takes one GPU: CUDA_VISIBLE_DEVICES says which; CUDA_CACHE_PATH is where the driver keeps kernels that it compiles at first use.",
  run: async (flags) => {
    process.exitCode = await withSignals((signal) => work(flags, signal));
  },
});

async function work(options: WorkerFlags, signal: AbortSignal): Promise<ExitCode> {
  if (options.stay && options.run !== undefined) {
    throw new TrainyardError("USAGE", "--run is for one run and --stay for all: leave one of them out");
  }
  const logger = createLogger({
    role: "worker",
    level: options.logLevel,
    isAttached: options.attached,
    fields: options.id === undefined ? {} : { worker: options.id },
  });
  const metrics = workerMetrics();
  const security = clientSecurityOf(options);
  const metricsSecurity = openServerSecurity(metricsFlags(options), logger);
  requireSecured(options.metricsHost, metricsSecurity, options.insecure);
  const { device, sentence } = await findDevice(options.device);
  logger.info(sentence);
  const hidden = hiddenSentence(process.env);
  if (hidden !== null) logger.info(hidden);
  letHeapGrow();
  const http = await startMetricsServer({
    registry: metrics.registry,
    host: options.metricsHost,
    port: options.metricsPort,
    security: metricsSecurity,
  });
  const tracer = await openTracer(options, "worker", logger, options.id);
  try {
    const parts = {
      security,
      device,
      logger,
      metrics,
      tracer,
      metricsAddress: advertised(options, http.address),
    };
    const worker = workerOptions(options, parts, signal);
    return options.stay ? await serveRuns(worker) : exitCodeOf(await serveRun(worker));
  } finally {
    await tracer.close();
    await http.close();
    metricsSecurity.close();
  }
}

/** What a worker is started with beside its flags. */
type WorkerParts = Pick<
  WorkerOptions,
  "security" | "device" | "logger" | "metrics" | "tracer" | "metricsAddress"
>;

function workerOptions(options: WorkerFlags, parts: WorkerParts, signal: AbortSignal): WorkerOptions {
  const engine = new ProcessEngine();
  const onGivenUp = (reason: string) => parts.logger.warn(`${reason}; images are decoded again instead`);
  return {
    ...parts,
    coordinator: options.coordinator,
    ...(options.store === defaultStore ? {} : { store: options.store }),
    ...(options.run === undefined ? {} : { run: { run: checkRunName(options.run), store: options.store } }),
    ...(options.id === undefined ? {} : { id: options.id }),
    imageCache: keepingOf(options, onGivenUp),
    connectTimeoutMs: options.stay ? Number.POSITIVE_INFINITY : options.connectTimeout * 1000,
    isStaying: options.stay,
    requireEngine: (settings) => engine.require(settings),
    signal: options.attached ? AbortSignal.any([signal, untilStdinCloses()]) : signal,
  };
}

/** Computes for one run. Returns how the run ended. */
async function serveRun(worker: WorkerOptions): Promise<string> {
  const end = await runWorker(worker);
  worker.logger.info(`the run has ended: ${end.outcome} (${end.message})`);
  return end.outcome;
}

/** Serves run after run; only the process is kept between two of them. Ends by an error only: INTERRUPTED, REFUSED. */
async function serveRuns(worker: WorkerOptions): Promise<never> {
  for (;;) {
    await serveRun(worker);
    await realClock.sleep(limits.betweenRunsMs, worker.signal);
  }
}

/** Security of /metrics. A --tls folder with nothing but the CA only verifies the coordinator: /metrics has no TLS then. */
const metricsFlags = ({ tls, tokens, insecure }: WorkerFlags): ServerSecurityFlags => ({
  ...(tls !== undefined && holdsKeyPair(tls) ? { tls } : {}),
  ...(tokens === undefined ? {} : { tokens }),
  insecure,
});

/** The address under which Prometheus finds /metrics. Errors: USAGE. */
function advertised({ metricsHost, metricsAdvertise }: WorkerFlags, listening: string): string {
  const address = metricsAddress({ host: metricsHost, port: portOf(listening), advertise: metricsAdvertise });
  if (isAddress(address)) return address;
  throw new TrainyardError(
    "USAGE",
    `--metrics-advertise must be a name or an IP address, not ${JSON.stringify(metricsAdvertise ?? metricsHost)}`,
  );
}
