/**
 * The coordinator's ports for workers (gRPC) and for people (HTTP). They are open before a run is taken, since its
 * record names them, and may serve one run after another: what workers say until a run's shell is there waits for it.
 */
import { realClock } from "../shared/clock.js";
import { type HttpRoute, type MetricsServer, startMetricsServer } from "../shared/http.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import {
  type CoordinatorMetrics,
  metricsOfRuns,
  processMetrics,
  type RunRegistry,
} from "../shared/metrics.js";
import { RateLimitedLog } from "../shared/rate-limited-log.js";
import type { ServerSecurity } from "../shared/security/server-security.js";
import { ControlServer, type ControlServerOptions } from "./control-server.js";
import type { CoreEvent } from "./core/events.js";
import type { CoordinatorDependencies } from "./dependencies.js";
import { type ScrapeTargets, scrapeTargets, scrapeTargetsRoute } from "./observability/scrape-targets.js";
import { coordinatorRoutes } from "./routes.js";
import type { Shell } from "./shell.js";
import type { WorkerStreams } from "./worker-streams.js";

/** Settings of a coordinator's ports. */
export interface PortOptions extends Pick<CoordinatorDependencies, "makeTransport" | "startHttp" | "clock"> {
  readonly host: string;
  /** The host name that workers and pages connect to; default: `host`. */
  readonly advertise?: string;
  readonly port: number;
  readonly httpPort: number;
  readonly logger: Logger;
  /** Decides who may connect, and holds the ports' certificate. Default: every peer may, in plain text. */
  readonly security?: ServerSecurity;
  readonly answerUnservedWorker?: NonNullable<ControlServerOptions["answerUnservedWorker"]>;
  readonly addServices?: NonNullable<ControlServerOptions["addServices"]>;
  /** Pages and JSON. Default: those of a coordinator that has one run. */
  readonly routes?: readonly HttpRoute[];
}

/** The run that the ports admit workers to. */
export interface AdmittedRun {
  readonly run: string;
  readonly generation: number;
  readonly metrics: CoordinatorMetrics;
}

/** A run whose last values came after the last scrape: its metrics are shown a while longer, whatever run follows. */
interface FormerRun {
  readonly run: string;
  readonly registry: RunRegistry;
  readonly untilMs: number;
}

/** Hellos and departures that are kept while a run is being read: more than a fleet of thousands causes. */
const heldEvents = 100_000;

/** The control port and the HTTP port of a coordinator. */
export class Ports {
  readonly #options: PortOptions;
  readonly #control: ControlServer;
  #http: MetricsServer | undefined;
  #port = 0;
  #current: RunPorts | null = null;
  /** Runs that are not served any more and whose metrics are still shown, oldest first. */
  #former: readonly FormerRun[] = [];

  private constructor(options: PortOptions) {
    this.#options = options;
    const { logger, makeTransport, answerUnservedWorker, addServices, security, clock } = options;
    const scarce = new RateLimitedLog(logger, clock);
    const control: ControlServerOptions = {
      ...(clock === undefined ? {} : { clock }),
      onMalformed: (peer, message) => {
        this.#current?.metrics.messagesRefused.inc({ reason: "malformed" });
        scarce.warn({ peer }, message);
      },
      ...(security === undefined ? {} : { security }),
      onRefused: (peer, sentence) => {
        this.#current?.metrics.messagesRefused.inc({ reason: "not admitted" });
        scarce.warn({ peer }, `a caller of the control port is not let in: ${sentence}`);
      },
      ...(answerUnservedWorker === undefined ? {} : { answerUnservedWorker }),
      ...(addServices === undefined ? {} : { addServices }),
    };
    this.#control = new ControlServer(control, makeTransport?.());
  }

  /** Errors: USAGE when a port is taken. */
  static async open(options: PortOptions): Promise<Ports> {
    const ports = new Ports(options);
    try {
      await ports.#listen();
      return ports;
    } catch (error) {
      await ports.close();
      throw error;
    }
  }

  /** Addresses at which others reach the ports, as host:port; `http` begins with https:// when TLS is on. */
  get addresses(): { readonly address: string; readonly http: string } {
    const { host, advertise = host, security } = this.#options;
    const http = this.#http?.address ?? "";
    const scheme = (security?.tls ?? null) === null ? "" : "https://";
    return {
      address: `${advertise}:${this.#port}`,
      http: `${scheme}${advertise}:${http.slice(http.lastIndexOf(":") + 1)}`,
    };
  }

  /** The shell of the served run; null while there is no run, or while it is being read. */
  get shell(): Shell | null {
    return this.#current?.shell ?? null;
  }

  /** Admits workers to a run. Their messages wait until the run is served. */
  admit(run: AdmittedRun): RunPorts {
    const ports = new RunPorts(run, this.#control);
    // Two registries of one run would show every series twice.
    this.#former = this.#former.filter((former) => former.run !== run.run);
    this.#current = ports;
    return ports;
  }

  /** Stops serving a run: its workers' streams end, the ports stay open. */
  leave(ports: RunPorts): void {
    ports.close();
    if (this.#current !== ports) return;
    this.#current = null;
    const { run, metrics } = ports;
    const former = { run, registry: metrics.registry, untilMs: this.#nowMs + limits.endedRunShownMs };
    this.#former = [...this.#former, former].slice(-limits.endedRunsShown);
  }

  async close(): Promise<void> {
    await this.#control.close();
    await this.#http?.close();
  }

  /** The metrics of the served run, and of runs that ended a short time ago. */
  #metrics(): Promise<string> {
    this.#former = this.#former.filter(({ untilMs }) => this.#nowMs < untilMs);
    const former = this.#former.map(({ registry }) => registry);
    return metricsOfRuns(this.#current === null ? former : [...former, this.#current.metrics.registry]);
  }

  get #nowMs(): number {
    return (this.#options.clock ?? realClock).nowMs();
  }

  async #listen(): Promise<void> {
    const { host, port, httpPort, logger, security, startHttp = startMetricsServer } = this.#options;
    this.#port = await this.#control.listen(host, port);
    const { routes = coordinatorRoutes(() => this.shell) } = this.#options;
    this.#http = await startHttp({
      registry: { contentType: processMetrics().contentType, metrics: () => this.#metrics() },
      host,
      port: httpPort,
      ...(security === undefined ? {} : { security }),
      extraRoutes: [...routes, scrapeTargetsRoute(() => this.#current?.scrapeTargets ?? [])],
      onError: (error, path) => logger.error(`${path} failed: ${String(error)}`),
    });
  }
}

/** The ports while they serve one run. */
export class RunPorts {
  readonly run: string;
  readonly metrics: CoordinatorMetrics;
  readonly #control: ControlServer;
  readonly #streams: WorkerStreams;
  #shell: Shell | null = null;
  #held: CoreEvent[] = [];

  constructor({ run, generation, metrics }: AdmittedRun, control: ControlServer) {
    this.run = run;
    this.metrics = metrics;
    this.#control = control;
    this.#streams = control.serve({
      run,
      generation,
      onEvent: (event) => this.#take(event),
      onDropped: (_worker, reason) => metrics.messagesRefused.inc({ reason }),
    });
  }

  get shell(): Shell | null {
    return this.#shell;
  }

  /** Scrape targets of the workers that are in the run. */
  get scrapeTargets(): ScrapeTargets[] {
    const members = this.#shell?.state.workers;
    const present = this.#streams.metricsAddresses.filter(({ worker }) => members?.has(worker) === true);
    return scrapeTargets(this.run, present);
  }

  /** Passes events to the shell from now on, beginning with those that waited. */
  serve(shell: Shell): void {
    this.#shell = shell;
    shell.start(this.#streams);
    for (const event of this.#held) shell.dispatch(event);
    this.#held = [];
  }

  close(): void {
    this.#control.leave(this.#streams);
  }

  #take(event: CoreEvent): void {
    if (this.#shell !== null) return this.#shell.dispatch(event);
    // A worker that was not welcomed yet sends nothing that counts; if its messages stay out, it is lost as any other.
    if (event.tag !== "said" && this.#held.length < heldEvents) this.#held.push(event);
  }
}
