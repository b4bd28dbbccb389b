/**
 * The coordinator's ports for workers (gRPC) and for people (HTTP). They are open before the run is taken, since its
 * record names them: what workers say until the shell is there waits for it.
 */
import { type MetricsServer, startMetricsServer } from "../shared/http.js";
import type { Logger } from "../shared/log.js";
import type { CoordinatorMetrics } from "../shared/metrics.js";
import { ControlServer, type ControlServerOptions } from "./control-server.js";
import type { CoreEvent } from "./core/events.js";
import { coordinatorRoutes } from "./routes.js";
import type { Shell } from "./shell.js";
import type { CoordinatorSurroundings } from "./surroundings.js";

export interface PortOptions extends Pick<CoordinatorSurroundings, "makeServer" | "startHttp"> {
  readonly run: string;
  readonly generation: number;
  readonly host: string;
  /** What workers and pages are told to connect to; default: `host`. */
  readonly advertise?: string;
  readonly port: number;
  readonly httpPort: number;
  readonly logger: Logger;
  readonly metrics: CoordinatorMetrics;
}

/** Comings and goings while a run is read: more than a fleet of thousands has. */
const heldEvents = 100_000;

export class Ports {
  readonly #options: PortOptions;
  readonly #control: ControlServer;
  #http: MetricsServer | undefined;
  #port = 0;
  #shell: Shell | null = null;
  #held: CoreEvent[] = [];

  private constructor(options: PortOptions) {
    this.#options = options;
    const { run, generation, metrics, logger, makeServer } = options;
    const control: ControlServerOptions = {
      run,
      generation,
      onEvent: (event) => this.#take(event),
      onMalformed: (peer, message) => {
        metrics.messagesRefused.inc({ reason: "malformed" });
        logger.warn({ peer }, message);
      },
      onDropped: (_worker, reason) => metrics.messagesRefused.inc({ reason }),
    };
    this.#control = new ControlServer(control, makeServer?.());
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

  /** host:port each, as others reach them. */
  get addresses(): { readonly address: string; readonly http: string } {
    const { host, advertise = host } = this.#options;
    const http = this.#http?.address ?? "";
    return {
      address: `${advertise}:${this.#port}`,
      http: `${advertise}:${http.slice(http.lastIndexOf(":") + 1)}`,
    };
  }

  /** From now on events are the shell's, those that waited first. */
  serve(shell: Shell): void {
    this.#shell = shell;
    shell.start(this.#control);
    for (const event of this.#held) shell.dispatch(event);
    this.#held = [];
  }

  async close(): Promise<void> {
    await this.#control.close();
    await this.#http?.close();
  }

  async #listen(): Promise<void> {
    const { host, port, httpPort, metrics, logger, startHttp = startMetricsServer } = this.#options;
    this.#port = await this.#control.listen(host, port);
    this.#http = await startHttp({
      registry: metrics.registry,
      host,
      port: httpPort,
      extraRoutes: coordinatorRoutes(() => this.#shell),
      onError: (error, path) => logger.error(`${path} failed: ${String(error)}`),
    });
  }

  #take(event: CoreEvent): void {
    if (this.#shell !== null) return this.#shell.dispatch(event);
    // Whoever was not welcomed yet has nothing to say, and a worker that is not heard of is lost as any other.
    if (event.tag !== "said" && this.#held.length < heldEvents) this.#held.push(event);
  }
}
