/**
 * The run's coordinators: the real one in a simulated process, and the starter of another one when none is left. One name leads
 * workers to the one that serves.
 */
import { runCoordinator } from "../../coordinator/coordinator.js";
import type { OwnerAnswer } from "../../coordinator/ownership/takeover.js";
import type { Shell } from "../../coordinator/shell.js";
import type { HttpRoute, MetricsServerOptions } from "../../shared/http.js";
import { hashWords } from "../../shared/random.js";
import { hasEnded, RunStatus } from "../../shared/status.js";
import { SimTransport } from "./grpc-server.js";
import type { SimProcess } from "./process.js";
import { type SliceUpdate, simReducers } from "./reducer-threads.js";
import { runName } from "./setup.js";
import { simLogger, simMetrics } from "./silent.js";
import { SimStore } from "./store.js";
import { controlPort, describeError, restartMs, type World } from "./world.js";

/** One life of a coordinator. */
export interface CoordinatorLife {
  readonly name: string;
  readonly process: SimProcess;
  readonly store: SimStore;
  readonly stop: AbortController;
  /** From when it serves the run. */
  shell: Shell | null;
  /** How it ended; null while it lives. */
  end: string | null;
}

export class Coordinators {
  readonly #world: World;
  readonly lives: CoordinatorLife[] = [];
  readonly updates: SliceUpdate[] = [];
  /** Messages that were not accepted, by reason. */
  readonly refused = new Map<string, number>();
  readonly #routes = new Map<string, { process: SimProcess; routes: readonly HttpRoute[] }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The newest that lives. */
  get newest(): CoordinatorLife | undefined {
    return this.#living().at(-1);
  }

  start(): void {
    if (this.#world.isFinished) return;
    const name = `c${this.lives.length + 1}`;
    const process = this.#world.process(name);
    const store = new SimStore(this.#world.store, process);
    const life: CoordinatorLife = {
      name,
      process,
      store,
      stop: new AbortController(),
      shell: null,
      end: null,
    };
    this.lives.push(life);
    this.#world.note(`${name} is started`);
    process.onDeath(() => {
      life.end ??= "killed";
      this.#routeToLiving();
    });
    const { clock } = process;
    const logger = simLogger((line) => this.#world.note(`${name}: ${line}`));
    runCoordinator({
      run: runName,
      store,
      host: name,
      insecure: true,
      port: controlPort,
      tensorPort: 0,
      httpPort: 0,
      reducers: this.#world.setup.reducers,
      lingerMs: 2_000,
      logger,
      onReady: ({ generation, notes }) => {
        this.#world.note(`${name}: owns the run as generation ${generation}; ${notes.join("; ")}`);
        this.#world.network.route("coordinator", name);
      },
      signal: life.stop.signal,
      clock,
      makeTransport: () => {
        this.#world.network.route("coordinator", name);
        return new SimTransport(this.#world.network, process);
      },
      startHttp: async (options) => this.#startHttp(process, options),
      openReducers: simReducers(this.#world.network, process, (update) => this.updates.push(update)),
      askOwner: (record) => this.#ask(process, record.http),
      drawSalt: () => hashWords(this.#world.setup.seed, 107),
      makeMetrics: () =>
        simMetrics((reason) => this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)),
      onShell: (shell) => {
        life.shell = shell;
      },
    }).then(
      ({ outcome }) => this.#ended(life, `${outcome.tag}: ${outcome.reason}`),
      (error: unknown) => this.#ended(life, describeError(error)),
    );
  }

  #ended(life: CoordinatorLife, end: string): void {
    if (life.process.isDead) return;
    life.end = end;
    this.#world.note(`${life.name} ends: ${end}`);
    const isWrong = end.startsWith("broken") || (end.startsWith("failed") && !this.#world.mayFail);
    if (isWrong) this.#world.broken.push(`${life.name} ${end}`);
    life.process.die();
    this.#world.network.died(life.process);
    this.#supervise(restartMs);
  }

  /** Somebody starts a coordinator when none is left. */
  #supervise(afterMs: number): void {
    this.#world.scheduler.after(afterMs, () => {
      if (this.#world.isFinished || this.#living().length > 0) return;
      this.start();
    });
  }

  #routeToLiving(): void {
    const serving = this.#living().filter(({ shell }) => shell !== null);
    const life = serving.at(-1) ?? this.newest;
    if (life !== undefined) this.#world.network.route("coordinator", life.name);
  }

  #startHttp(process: SimProcess, { host = "", extraRoutes = [] }: MetricsServerOptions) {
    const address = `${host}:${this.#world.network.freePort()}`;
    this.#routes.set(address, { process, routes: extraRoutes });
    return Promise.resolve({ address, close: async () => void this.#routes.delete(address) });
  }

  /** As askOwner does over HTTP: who does not answer for 5 s is silent. */
  async #ask(asker: SimProcess, http: string): Promise<OwnerAnswer> {
    await asker.clock.sleep(this.#world.network.latencyMs() * 2);
    const served = this.#routes.get(http);
    if (served === undefined || served.process.isDead) return "gone";
    if (served.process.isFrozen || this.#world.network.isCut(served.process, asker)) {
      await asker.clock.sleep(5_000);
      return "silent";
    }
    const reply = await served.routes.find(({ path }) => path === "/status")?.reply(new URLSearchParams());
    const status = RunStatus.safeParse(JSON.parse(reply?.body ?? "null"));
    if (!status.success) return "silent";
    return hasEnded(status.data.phase) ? "ended" : "running";
  }

  kill(downMs: number): void {
    const life = this.newest;
    if (life === undefined) return;
    this.#world.note(`${life.name} is killed`);
    life.process.die();
    this.#world.network.died(life.process);
    this.#supervise(downMs);
  }

  #living(): CoordinatorLife[] {
    return this.lives.filter(({ process }) => !process.isDead);
  }
}
