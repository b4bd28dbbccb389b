/**
 * The life of a standing coordinator: it opens its ports, takes the queue, and carries out one run after another until
 * it is told to end. The current run then stays at the head of the queue, with its last commit saved.
 */
import { type Clock, realClock } from "../../shared/clock.js";
import { asTrainyardError, TrainyardError } from "../../shared/errors.js";
import { requireSecured } from "../../shared/grpc/listen.js";
import { limits } from "../../shared/limits.js";
import { type StandingMetrics, standingMetrics } from "../../shared/metrics.js";
import type { QueueEntry } from "../../shared/queue.js";
import { throwIfAborted } from "../../shared/retry.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { hasEnded } from "../../shared/status.js";
import { type CoordinatorEnd, type CoordinatorOptions, runCoordinator } from "../coordinator.js";
import { fencedStore } from "../generation-fence.js";
import type { Ownership } from "../ownership/ownership.js";
import { sameAuthority } from "../ownership/takeover.js";
import { Ports } from "../ports.js";
import type { Shell } from "../shell.js";
import { isOutage } from "../store-outages.js";
import { askOthers } from "./other-owners.js";
import { RunQueue } from "./queue.js";
import { ownQueue } from "./queue-ownership.js";
import { type CurrentRun, QueueService, type Standing } from "./queue-service.js";
import { standingRoutes } from "./routes.js";
import type { RunCatalogue } from "./run-catalogue.js";
import { outcomeOf } from "./run-outcome.js";
import { addRunsService } from "./runs-service.js";
import { logWaitingRuns } from "./waiting-runs.js";

/** Settings of a standing coordinator. */
export interface StandingOptions
  extends Omit<CoordinatorOptions, "run" | "changes" | "onReady" | "onAbort" | "waitsForWorkers" | "ports"> {
  readonly catalogue: RunCatalogue;
  /** Told once, when it serves the queue. */
  readonly onReady: (addresses: { readonly address: string; readonly http: string }) => void;
}

/** Time after the signal for the run's end, and for releasing the queue. Together they stay below limits.drainMs. */
const drain = { runMs: limits.drainMs - 3_000, queueMs: 1_500 } as const;

/** Errors: INTERRUPTED by the signal, FENCED when another one has taken the queue, USAGE (ports), the store's. */
export async function standReady(options: StandingOptions): Promise<never> {
  requireSecured(options.host, options.security ?? ServerSecurity.none(), options.insecure);
  return await new StandingCoordinator(options).live();
}

class StandingCoordinator {
  readonly #options: StandingOptions;
  readonly #clock: Clock;
  readonly #metrics: StandingMetrics = standingMetrics();
  readonly #queue: RunQueue;
  readonly #service: QueueService;
  /** Runs that could not be begun, and why. */
  readonly #failures = new Map<string, string>();
  #standing: Standing = "waiting";
  #current: RunUnderWay | null = null;
  /** The number under which it holds the queue; null before. */
  #holding: number | null = null;
  /** Sentences about what is waited for, each said once until a run begins. */
  readonly #said = new Set<string>();

  constructor(options: StandingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#queue = new RunQueue(options.store, (runs) => this.#metrics.queueRuns.set(runs));
    this.#service = new QueueService({
      store: options.store,
      queue: this.#queue,
      catalogue: options.catalogue,
      clock: this.#clock,
      standing: () => (options.signal.aborted ? "ending" : this.#standing),
      current: () => this.#current,
      failure: (run) => this.#failures.get(run),
    });
  }

  async live(): Promise<never> {
    const ports = await this.#openPorts();
    try {
      const holding = await this.#takeQueue(ports);
      try {
        return await this.#serve(ports, holding);
      } finally {
        this.#standing = "ending";
        await this.#release(holding);
      }
    } finally {
      await ports.close();
    }
  }

  #openPorts(): Promise<Ports> {
    return Ports.open({
      ...this.#options,
      addServices: (services) => addRunsService(services, this.#service),
      answerUnservedWorker: (run) => this.#service.answerWorker(run),
      routes: standingRoutes({
        service: this.#service,
        shell: () => this.#current?.shell ?? null,
        holding: () => (this.#standing === "serving" ? this.#holding : null),
      }),
    });
  }

  async #takeQueue(ports: Ports): Promise<Ownership> {
    const { store, logger, signal } = this.#options;
    const ask =
      this.#options.askOwner ?? askOthers(() => ports.addresses.http, sameAuthority(this.#options.security));
    const { addresses } = ports;
    const holding = await ownQueue({ store, clock: this.#clock, logger, signal, addresses, ask });
    this.#holding = holding.generation;
    this.#queue.guardBy(fencedStore(store, holding));
    await this.#throughOutages("the queue", () => this.#queue.look());
    this.#standing = "serving";
    this.#options.onReady(addresses);
    return holding;
  }

  async #serve(ports: Ports, holding: Ownership): Promise<never> {
    const { signal, logger } = this.#options;
    const over = AbortSignal.any([signal, holding.fenced]);
    for (;;) {
      holding.fenced.throwIfAborted();
      throwIfAborted(signal, "serving the queue");
      const [head] = this.#queue.entries;
      if (head !== undefined) await this.#takeTurn(head, ports, over);
      else {
        logger.info("the queue is empty: trainyard submit DATASET hands a run in");
        await this.#queue.untilAny(over);
      }
    }
  }

  /** The head of the queue, whatever its state: over already, or to be gone on with. */
  async #takeTurn(entry: QueueEntry, ports: Ports, over: AbortSignal): Promise<void> {
    const { store, logger } = this.#options;
    const { run, after } = entry;
    const outcome = await this.#throughOutages(run, () => outcomeOf(store, run, after));
    if (outcome?.tag !== "open") {
      if (outcome !== null) logger.info(`the run ${run} leaves the queue: ${whatBecame(outcome)}`);
      return await this.#dismiss(entry);
    }
    if (!this.#queue.has(entry)) return; // it was cancelled meanwhile
    const current = new RunUnderWay(entry);
    this.#current = current;
    const stopLogging = logWaitingRuns({
      clock: this.#clock,
      logger,
      entries: () => this.#queue.entries,
    });
    try {
      const { outcome } = await this.#withinDrain(this.#carryOut(current, ports, over));
      this.#metrics.runs.inc({ outcome: outcome.tag });
      if (outcome.tag !== "interrupted") await this.#dismiss(entry);
    } catch (caught) {
      if (!over.aborted) await this.#afterFailure(entry, caught, over);
    } finally {
      stopLogging();
      this.#current = null;
    }
  }

  #carryOut(current: RunUnderWay, ports: Ports, signal: AbortSignal): Promise<CoordinatorEnd> {
    const { logger } = this.#options;
    const { run } = current;
    return runCoordinator({
      ...this.#options,
      run,
      ports,
      signal,
      onAbort: "interrupt",
      waitsForWorkers: true,
      askOwner:
        this.#options.askOwner ??
        askOthers(() => ports.addresses.http, sameAuthority(this.#options.security)),
      logger: logger.child({ run }),
      onShell: (shell) => current.begin(shell),
      onWaiting: (sentence) => this.#sayOnce(sentence),
      onReady: ({ generation, notes }) => {
        this.#said.clear();
        for (const note of notes) logger.info({ run, generation }, note);
        logger.info({ run, generation }, `the run ${run} has begun: workers may join`);
      },
    });
  }

  /** After a failure: a run that another coordinator owns, or an unreachable store, is tried again. Any other error stays with the run. */
  async #afterFailure(entry: QueueEntry, caught: unknown, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    const { run } = entry;
    const error = asTrainyardError(caught);
    if (isOutage(error) || error.code === "ALREADY_EXISTS" || error.code === "FENCED") {
      this.#sayOnce(`the run ${run} waits: ${error.message}`);
      return await this.#clock.sleep(limits.storeRetryMs, signal);
    }
    logger.error({ run }, `the run ${run} can't be carried out: ${error.message}`);
    this.#failures.set(run, error.message);
    this.#metrics.runs.inc({ outcome: "failed" });
    await this.#dismiss(entry);
  }

  /** A run that does not end in time is left as it is: its last checkpoint counts. */
  async #withinDrain<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    let callOff: () => void = () => undefined;
    let onAbort: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      const sentence = `the run did not end within ${drain.runMs / 1000} s: its last checkpoint counts`;
      const giveUp = () => reject(new TrainyardError("INTERRUPTED", sentence));
      onAbort = () => {
        callOff = this.#clock.after(drain.runMs, giveUp);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
    late.catch(() => undefined); // the race reports it
    try {
      return await Promise.race([work, late]);
    } finally {
      work.catch(() => undefined);
      signal.removeEventListener("abort", onAbort);
      callOff();
    }
  }

  async #dismiss(entry: QueueEntry): Promise<void> {
    await this.#throughOutages(entry.run, () => this.#queue.remove(entry));
  }

  /**
   * Repeats a call until the store is back. Null when the coordinator was told to end meanwhile. Errors: the store's,
   * except outages.
   */
  async #throughOutages<T>(what: string, call: () => Promise<T>): Promise<T | null> {
    const { signal } = this.#options;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isOutage(error)) throw error;
        this.#sayOnce(`${what} waits for the store: ${asTrainyardError(error).message}`);
      }
      await this.#clock.sleep(limits.storeRetryMs, signal);
      if (signal.aborted) return null;
    }
  }

  #sayOnce(sentence: string): void {
    if (!this.#said.has(sentence)) this.#options.logger.warn(sentence);
    this.#said.add(sentence);
  }

  /** The next one need not wait then. */
  async #release(holding: Ownership): Promise<void> {
    if (holding.fenced.aborted) return;
    const say = (error: Error) => this.#options.logger.warn(`the queue was not given back: ${error.message}`);
    await Promise.race([holding.release().catch(say), this.#clock.sleep(drain.queueMs)]);
  }
}

/** The run whose turn it is. */
class RunUnderWay implements CurrentRun {
  readonly entry: QueueEntry;
  #shell: Shell | null = null;
  #isStopped = false;

  constructor(entry: QueueEntry) {
    this.entry = entry;
  }

  get run(): string {
    return this.entry.run;
  }

  get isEnding(): boolean {
    return this.#isStopped || (this.#shell !== null && hasEnded(this.#shell.status.phase));
  }

  get shell(): Shell | null {
    return this.#shell;
  }

  begin(shell: Shell): void {
    this.#shell = shell;
    if (this.#isStopped) this.stop();
  }

  stop(): void {
    this.#isStopped = true;
    this.#shell?.dispatch({ tag: "stop", reason: "asked to stop" });
  }
}

const whatBecame = (outcome: {
  readonly tag: string;
  readonly outcome?: string;
  readonly reason?: string;
}) =>
  outcome.tag === "unknown" ? "it is not in the store any more" : `${outcome.outcome}: ${outcome.reason}`;
