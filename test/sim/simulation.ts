/**
 * One simulated run: its processes, what connects them, and whoever starts them again. Faults are done here; what must
 * hold meanwhile and afterwards is the checkers'.
 */
import { runCoordinator } from "../../coordinator/main.js";
import type { Shell } from "../../coordinator/shell.js";
import type { OwnerAnswer } from "../../coordinator/takeover.js";
import type { Manifest } from "../../dataset/manifest.js";
import { stepsPerEpoch } from "../../dataset/order.js";
import { publishExport } from "../../engine/export/publish.js";
import { readCheckpointModel } from "../../shared/checkpoint.js";
import { TrainyardError } from "../../shared/errors.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { HttpRoute, MetricsServerOptions } from "../../shared/http.js";
import { hashWords, RandomStream } from "../../shared/random.js";
import { interruption } from "../../shared/retry.js";
import { type RunSpec, runKey, samplesPerLane } from "../../shared/spec.js";
import { hasEnded, RunStatus } from "../../shared/status.js";
import { LaneBatches } from "../../worker/batches.js";
import { runWorker } from "../../worker/main.js";
import type { WorkerSurroundings } from "../../worker/surroundings.js";
import type { Workplace } from "../../worker/workplace.js";
import { SimControlStream } from "./control.js";
import { datasetObjects, manifestOf, simLoader } from "./dataset.js";
import { layoutOf, SimEngine, SimEngineClient, type Speed } from "./engine.js";
import { describe, type FaultAct } from "./faults.js";
import { Fencing } from "./fencing.js";
import { SimGrpcServer } from "./grpc-server.js";
import { Network } from "./network.js";
import { SimProcess } from "./process.js";
import { type SliceUpdate, simReducers } from "./reducer-threads.js";
import { Scheduler } from "./scheduler.js";
import { runName, type Setup, specOf } from "./setup.js";
import { type Note, simLogger, simMetrics } from "./silent.js";
import { SimStore, StoreServer } from "./store.js";
import { SimPartials, SimWeights } from "./tensors.js";

const calmNetworkMs = [0.2, 3] as const;
const calmStoreMs = [1, 10] as const;
/** Between a process' end and whoever starts another in its place. */
const restartMs = 1_500;
const controlPort = 7070;

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

/** A place for a worker: one process after another lives there. */
export interface WorkerSlot {
  readonly number: number;
  readonly speed: Speed & { factor: number };
  lives: number;
  process: SimProcess | null;
  store: SimStore | null;
  engine: SimEngine | null;
  drain: AbortController;
}

export class Simulation {
  readonly setup: Setup;
  readonly spec: RunSpec;
  readonly manifest: Manifest;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly store: StoreServer;
  readonly coordinators: CoordinatorLife[] = [];
  readonly workers: WorkerSlot[] = [];
  readonly updates: SliceUpdate[] = [];
  readonly refused = new Map<string, number>();
  /** What must never happen, as it happened. */
  readonly broken: string[] = [];
  readonly fencing = new Fencing();
  readonly #note: Note;
  readonly #routes = new Map<string, { process: SimProcess; routes: readonly HttpRoute[] }>();
  /** Steps of which a gradient was NaN once: a second one would change the run. */
  readonly #poisoned = new Set<number>();
  /** What happens when the coordinator has written so many more objects. */
  #atPut: { puts: number; readonly act: () => void } | null = null;
  isOverWithFaults = false;
  /** Something happened for which a run may fail, and be gone on with by hand: the store, or a coordinator that stood still. */
  mayFail = false;
  /** The most that were there together. */
  mostWorkers = 0;
  #lastWorker = 0;

  /** `note`: takes the transcript's lines. */
  constructor(setup: Setup, seed: number, note: Note = () => undefined) {
    this.setup = setup;
    this.spec = specOf(setup);
    this.manifest = manifestOf(setup.dataset);
    this.#note = (line) => note(`${(this.scheduler.nowMs / 1000).toFixed(4).padStart(9)} ${line}`);
    this.network = new Network(this.scheduler, seed, { latencyMs: calmNetworkMs, echoes: 0 });
    this.store = new StoreServer(this.network, seed, { latencyMs: calmStoreMs, failures: 0 });
    for (const [key, bytes] of datasetObjects(this.manifest)) this.store.objects.set(key, bytes);
    this.store.objects.set(runKey(runName, "spec.json"), Buffer.from(JSON.stringify(this.spec)));
    this.store.onGet = (process, key) => this.fencing.read(process, key);
    this.store.onPut = (process, key, bytes) => this.#notePut(process, key, bytes);
    this.startCoordinator();
    for (let worker = 0; worker < setup.workers; worker += 1) this.addWorker();
  }

  /** The run is closed and nobody lives any more. */
  get isDone(): boolean {
    return (
      this.isFinished &&
      this.#liveCoordinators().length === 0 &&
      this.workers.every(({ process }) => process === null)
    );
  }

  /** Somebody closed the run: nobody starts anything for it. */
  isFinished = false;

  note(line: string): void {
    this.#note(line);
  }

  // Coordinators

  #liveCoordinators(): CoordinatorLife[] {
    return this.coordinators.filter(({ process }) => !process.isDead);
  }

  /** The newest that lives. */
  get coordinator(): CoordinatorLife | undefined {
    return this.#liveCoordinators().at(-1);
  }

  startCoordinator(): void {
    if (this.isFinished) return;
    const name = `c${this.coordinators.length + 1}`;
    const process = this.#process(name);
    const store = new SimStore(this.store, process);
    const life: CoordinatorLife = {
      name,
      process,
      store,
      stop: new AbortController(),
      shell: null,
      end: null,
    };
    this.coordinators.push(life);
    this.#note(`${name} is started`);
    process.onDeath(() => {
      life.end ??= "killed";
      this.#routeToLiving();
    });
    const { clock } = process;
    const logger = simLogger((line) => this.#note(`${name}: ${line}`));
    runCoordinator({
      run: runName,
      store,
      host: name,
      insecure: true,
      port: controlPort,
      tensorPort: 0,
      httpPort: 0,
      reducers: this.setup.reducers,
      lingerMs: 2_000,
      logger,
      onReady: ({ generation, notes }) => {
        this.#note(`${name}: owns the run as generation ${generation}; ${notes.join("; ")}`);
        this.network.route("coordinator", name);
      },
      signal: life.stop.signal,
      clock,
      makeServer: () => {
        this.network.route("coordinator", name);
        return new SimGrpcServer(this.network, process).asServer;
      },
      startHttp: async (options) => this.#startHttp(process, options),
      openReducers: simReducers(this.network, process, (update) => this.updates.push(update)),
      askOwner: (record) => this.#ask(process, record.http),
      drawSalt: () => hashWords(this.setup.seed, 107),
      makeMetrics: () =>
        simMetrics((reason) => this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)),
      onShell: (shell) => {
        life.shell = shell;
      },
    }).then(
      ({ outcome }) => this.#coordinatorEnded(life, `${outcome.tag}: ${outcome.reason}`),
      (error: unknown) => this.#coordinatorEnded(life, describeError(error)),
    );
  }

  #coordinatorEnded(life: CoordinatorLife, end: string): void {
    if (life.process.isDead) return;
    life.end = end;
    this.#note(`${life.name} ends: ${end}`);
    const isWrong = end.startsWith("broken") || (end.startsWith("failed") && !this.mayFail);
    if (isWrong) this.broken.push(`${life.name} ${end}`);
    life.process.die();
    this.network.died(life.process);
    this.#superviseCoordinator(restartMs);
  }

  /** Somebody starts a coordinator when none is left. */
  #superviseCoordinator(afterMs: number): void {
    this.scheduler.after(afterMs, () => {
      if (this.isFinished || this.#liveCoordinators().length > 0) return;
      this.startCoordinator();
    });
  }

  #routeToLiving(): void {
    const serving = this.#liveCoordinators().filter(({ shell }) => shell !== null);
    const life = serving.at(-1) ?? this.coordinator;
    if (life !== undefined) this.network.route("coordinator", life.name);
  }

  #startHttp(process: SimProcess, { host = "", extraRoutes = [] }: MetricsServerOptions) {
    const address = `${host}:${this.network.freePort()}`;
    this.#routes.set(address, { process, routes: extraRoutes });
    return Promise.resolve({ address, close: async () => void this.#routes.delete(address) });
  }

  /** As askOwner does over HTTP: who does not answer for 5 s is silent. */
  async #ask(asker: SimProcess, http: string): Promise<OwnerAnswer> {
    await asker.clock.sleep(this.network.latencyMs() * 2);
    const served = this.#routes.get(http);
    if (served === undefined || served.process.isDead) return "gone";
    if (served.process.isFrozen || this.network.isCut(served.process, asker)) {
      await asker.clock.sleep(5_000);
      return "silent";
    }
    const reply = await served.routes.find(({ path }) => path === "/status")?.reply(new URLSearchParams());
    const status = RunStatus.safeParse(JSON.parse(reply?.body ?? "null"));
    if (!status.success) return "silent";
    return hasEnded(status.data.phase) ? "ended" : "running";
  }

  // Workers

  addWorker(): void {
    this.#lastWorker += 1;
    const number = this.#lastWorker;
    const random = new RandomStream(this.setup.seed, 103, number);
    const usual: Record<string, readonly [number, number]> = {
      lane: [30, 150],
      block: [20, 60],
      prepare: [300, 1_500],
      initialise: [50, 150],
    };
    const computeMs = (name: string) => random.nextBetween(...(usual[name] ?? [0.1, 0.3]));
    const slot: WorkerSlot = {
      number,
      speed: { factor: 1, computeMs },
      lives: 0,
      process: null,
      store: null,
      engine: null,
      drain: new AbortController(),
    };
    this.workers.push(slot);
    this.mostWorkers = Math.max(this.mostWorkers, this.workers.length);
    this.#startWorker(slot);
  }

  #startWorker(slot: WorkerSlot): void {
    if (this.isFinished || slot.process !== null) return;
    slot.lives += 1;
    const name = this.setup.stableIds ? `w${slot.number}` : `w${slot.number}.${slot.lives}`;
    const process = this.#process(name);
    const store = new SimStore(this.store, process);
    slot.process = process;
    slot.store = store;
    slot.drain = new AbortController();
    const { network } = this;
    const surroundings: WorkerSurroundings = {
      clock: process.clock,
      connect: (address) => new SimControlStream(network, process, address),
      openWeights: (options) => new SimWeights(network, process, options),
      openPartials: (options) => new SimPartials(network, process, options),
      openStore: async () => store,
      openWorkplace: (spec, _, signal) =>
        unlessAborted(signal, this.#openWorkplace(slot, process, store, spec)),
    };
    runWorker({
      coordinator: `coordinator:${controlPort}`,
      id: name,
      metricsAddress: "",
      logger: simLogger((line) => this.#note(`${name}: ${line}`)),
      metrics: simMetrics(() => undefined),
      signal: slot.drain.signal,
      surroundings,
    }).then(
      ({ outcome, message }) => this.#workerEnded(slot, process, `${outcome}: ${message}`),
      (error: unknown) => this.#workerEnded(slot, process, describeError(error)),
    );
  }

  async #openWorkplace(
    slot: WorkerSlot,
    process: SimProcess,
    store: SimStore,
    spec: RunSpec,
  ): Promise<Workplace> {
    const { manifest, setup } = this;
    await store.get("datasets/simulated/manifest.json");
    const layout = layoutOf(setup.dataset.training, setup.filling);
    const engine = new SimEngine(layout, setup.dataset.training);
    slot.engine = engine;
    const client = new SimEngineClient(process, engine, slot.speed);
    await client.call("prepare", { gradients: [], evaluate: [] });
    const random = new RandomStream(setup.seed, 104, slot.number);
    const batchMs = () => random.nextBetween(1, 10);
    const { train, validation } = manifest.splits;
    const training = simLoader(process, store, train, batchMs);
    const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
    return {
      spec,
      store,
      manifest,
      layout,
      engine: client,
      batches: new LaneBatches(spec, train, training, steps),
      training,
      validation: simLoader(process, store, validation, batchMs),
      publish: (checkpoint, generation) => publishModel(store, spec, checkpoint, generation),
      close: async () => undefined,
    };
  }

  #workerEnded(slot: WorkerSlot, process: SimProcess, end: string): void {
    if (slot.process !== process) return;
    this.#note(`${process.name} ends: ${end}`);
    if (end.startsWith("broken")) this.broken.push(`${process.name} ${end}`);
    this.#killWorker(slot, restartMs);
  }

  /** `downMs`: null = for good. */
  #killWorker(slot: WorkerSlot, downMs: number | null): void {
    const { process } = slot;
    slot.process = null;
    slot.engine = null;
    if (process === null) return;
    process.die();
    this.network.died(process);
    if (downMs !== null) this.scheduler.after(downMs, () => this.#startWorker(slot));
  }

  #process(name: string): SimProcess {
    return new SimProcess(name, this.scheduler, (error) =>
      this.broken.push(`${name} broke: ${describeError(error)}`),
    );
  }

  // Faults

  fault(fault: FaultAct): void {
    this.#note(`--- ${describe(fault)}`);
    this.mayFail ||= fault.act.startsWith("store") || /^(freeze|cut off) coordinator/.test(fault.act);
    switch (fault.act) {
      case "kill worker":
        return this.#killWorker(this.#slot(fault.worker), fault.downMs);
      case "drain worker":
        return this.#drain(this.#slot(fault.worker));
      case "freeze worker":
        return this.#freeze(this.#slot(fault.worker).process, fault.forMs);
      case "cut off worker":
        return this.#cutOff(this.#slot(fault.worker).process, fault.forMs);
      case "break streams": {
        const { process } = this.#slot(fault.worker);
        if (process !== null) this.network.breakStreams(process, fault.method);
        return;
      }
      case "slow worker": {
        const { speed } = this.#slot(fault.worker);
        speed.factor = fault.factor;
        return this.#afterwards(fault.forMs, () => {
          speed.factor = 1;
        });
      }
      case "poison worker":
        return this.#poison(this.#slot(fault.worker));
      case "remove worker": {
        if (this.workers.length === 1) return;
        const slot = this.#slot(fault.worker);
        this.#killWorker(slot, null);
        this.workers.splice(this.workers.indexOf(slot), 1);
        return;
      }
      case "new worker":
        return this.addWorker();
      case "repeat messages": {
        const { process } = this.#slot(fault.worker);
        if (process !== null) this.network.repeat(process, fault.method);
        return;
      }
      case "kill coordinator":
        return this.#killCoordinator(fault.downMs);
      case "kill coordinator at put":
        this.#atPut = { puts: fault.puts, act: () => this.#killCoordinator(fault.downMs) };
        return;
      case "freeze coordinator at put":
        this.#atPut = {
          puts: fault.puts,
          act: () => this.fault({ act: "freeze coordinator", forMs: fault.forMs, rival: fault.rival }),
        };
        return;
      case "stop coordinator":
        return this.coordinator?.process.run(() => this.coordinator?.stop.abort());
      case "freeze coordinator":
        if (fault.rival) this.scheduler.after(100, () => this.startCoordinator());
        return this.#freeze(this.coordinator?.process ?? null, fault.forMs);
      case "cut off coordinator":
        if (fault.rival) this.scheduler.after(100, () => this.startCoordinator());
        return this.#cutOff(this.coordinator?.process ?? null, fault.forMs);
      case "rival coordinator":
        return this.startCoordinator();
      case "store away":
        this.store.isAway = true;
        return this.#afterwards(fault.forMs, () => {
          this.store.isAway = false;
        });
      case "store slow":
        this.store.weather.latencyMs = [fault.latencyMs / 4, fault.latencyMs];
        return this.#afterwards(fault.forMs, () => {
          this.store.weather.latencyMs = calmStoreMs;
        });
      case "store flaky":
        this.store.weather.failures = fault.failures;
        return this.#afterwards(fault.forMs, () => {
          this.store.weather.failures = 0;
        });
      case "echoes":
        this.network.weather.echoes = fault.share;
        return this.#afterwards(fault.forMs, () => {
          this.network.weather.echoes = 0;
        });
      case "network slow":
        this.network.weather.latencyMs = [0.2, fault.latencyMs];
        return this.#afterwards(fault.forMs, () => {
          this.network.weather.latencyMs = calmNetworkMs;
        });
    }
  }

  /** Everything that still is wrong is mended. */
  endFaults(): void {
    this.#note("--- faults end");
    this.isOverWithFaults = true;
    this.#atPut = null;
    this.store.isAway = false;
    this.store.weather.failures = 0;
    this.store.weather.latencyMs = calmStoreMs;
    this.network.weather.latencyMs = calmNetworkMs;
    this.network.weather.echoes = 0;
    for (const { speed } of this.workers) speed.factor = 1;
    const processes = [
      ...this.coordinators.map(({ process }) => process),
      ...this.workers.map(({ process }) => process),
    ];
    for (const process of processes) {
      if (process === null) continue;
      process.wake();
      this.network.heal(process);
    }
  }

  #slot(worker: number): WorkerSlot {
    return this.workers[(worker - 1) % this.workers.length] as WorkerSlot;
  }

  /** Nothing is left of a worker that does not go within the time for a drain. */
  #drain(slot: WorkerSlot): void {
    const { process } = slot;
    process?.run(() => slot.drain.abort());
    this.scheduler.after(30_000, () => {
      if (slot.process === process && process?.isFrozen === false)
        this.broken.push(`${process.name} does not drain`);
    });
  }

  /** Its next gradient, unless one of the same step was NaN already: twice is the step's own fault, which is skipped. */
  #poison({ engine }: WorkerSlot): void {
    if (engine === null) return;
    let isArmed = true;
    engine.isPoisoned = () => {
      const step = this.coordinator?.shell?.state.progress.step;
      if (!isArmed || step === undefined || this.#poisoned.has(step)) return false;
      isArmed = false;
      this.#poisoned.add(step);
      return true;
    };
  }

  #killCoordinator(downMs: number): void {
    const life = this.coordinator;
    if (life === undefined) return;
    this.#note(`${life.name} is killed`);
    life.process.die();
    this.network.died(life.process);
    this.#superviseCoordinator(downMs);
  }

  #notePut(process: SimProcess, key: string, bytes: Uint8Array): void {
    this.#note(`${process.name} wrote ${key}`);
    this.fencing.wrote(process, key, bytes);
    if (key.includes("/generations/") && Buffer.from(bytes).includes('"closes"')) this.isFinished = true;
    const watched = this.#atPut;
    if (watched === null || process !== this.coordinator?.process) return;
    watched.puts -= 1;
    if (watched.puts > 0) return;
    this.#atPut = null;
    watched.act();
  }

  #freeze(process: SimProcess | null, forMs: number): void {
    if (process === null) return;
    process.freeze();
    this.network.froze(process);
    this.#afterwards(forMs, () => process.wake());
  }

  #cutOff(process: SimProcess | null, forMs: number): void {
    if (process === null) return;
    this.network.cutOff(process);
    this.#afterwards(forMs, () => this.network.heal(process));
  }

  #afterwards(forMs: number, mend: () => void): void {
    this.scheduler.after(forMs, () => {
      if (!this.isOverWithFaults) mend();
    });
  }
}

/** The real place of work ends its engine's thread when it is told to. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    work.then(resolve, reject);
    const abort = () => reject(interruption(signal, "preparing"));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** The export without files that only a real model has: the weights, and the mark that it is whole. */
async function publishModel(
  store: SimStore,
  spec: RunSpec,
  checkpoint: string,
  generation: number,
): Promise<string[]> {
  const model = await readCheckpointModel(store, spec.run, checkpoint);
  const contentType = "application/octet-stream";
  const files = [
    { path: "export/weights.bin", bytes: Uint8Array.from(bytesOf(model.weights)), contentType },
    { path: "export/labels.json", bytes: Buffer.from(JSON.stringify(spec.classes)), contentType },
  ];
  return await publishExport(store, spec.run, files, { generation });
}

/** An error of the project's own is an end like any other; anything else is a broken invariant. */
function describeError(error: unknown): string {
  if (error instanceof TrainyardError) return `${error.code}: ${error.message}`;
  return `broken: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
