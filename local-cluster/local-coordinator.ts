/**
 * The coordinator of a local cluster, which may die: it is started again where its workers look for it, for the
 * same run, and goes on from the newest checkpoint. This file decides what counts as a death and when to give up; the
 * workers belong to local-cluster.ts.
 */
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { ClusterProcess, endInWords, type ProcessEnd, type ProcessOptions } from "./cluster-process.js";

export interface ClusterAddresses {
  /** gRPC, host:port. */
  readonly address: string;
  /** HTTP, host:port. */
  readonly http: string;
  /** What the coordinator wants a person to know before the run goes on. */
  readonly notes: readonly string[];
}

/** How the last coordinator process ended. */
export type CoordinatorOver =
  /** The run has ended; followers read its outcome from the store. */
  | { readonly tag: "ended"; readonly code: number; readonly sentence: string }
  /** The coordinator died too often or was refused: the run can be resumed. */
  | { readonly tag: "gone"; readonly sentence: string };

export interface LocalCoordinatorOptions {
  readonly run: string;
  readonly reducers: number;
  /** More flags, among them changes of a run that goes on. Giving the same changes to each life is harmless. */
  readonly changes: readonly string[];
  /** Options that all processes of the cluster have. */
  readonly common: readonly string[];
  readonly process: Pick<ProcessOptions, "logFolder" | "detach" | "environment">;
  readonly onNotice: (message: string) => void;
  /** Called each time that a coordinator is ready for workers, the first time included. */
  readonly onReady: (addresses: ClusterAddresses) => void;
}

/** How often a coordinator is started again in one run. */
export const coordinatorRestarts = 5;
/** After so many coordinators in a row that died before they were ready, the next would die too: give up. */
const earlyDeaths = 3;
/** A coordinator that is not ready for workers after this is killed. */
const readyMs = 60_000;

/** One coordinator process, from its start to its end. */
interface Life {
  readonly process: ClusterProcess;
  /** The coordinator's addresses, or null when it ended before it was ready. */
  readonly ready: Promise<ClusterAddresses | null>;
  /** True once the process has written that its run has ended. */
  hasSaidEnd: boolean;
}

export class LocalCoordinator {
  readonly #options: LocalCoordinatorOptions;
  #life: Life | undefined;
  #isStopping = false;
  #tellOver: (over: CoordinatorOver) => void = () => undefined;
  readonly over: Promise<CoordinatorOver>;

  constructor(options: LocalCoordinatorOptions) {
    this.#options = options;
    this.over = new Promise((done) => {
      this.#tellOver = done;
    });
  }

  /** The current process, or the last one. */
  get process(): ClusterProcess | undefined {
    return this.#life?.process;
  }

  /** Errors: USAGE when it refuses the run, FAILED when it ends otherwise before it is ready. */
  async start(): Promise<ClusterAddresses> {
    const life = this.#begin([]);
    const addresses = await life.ready;
    if (addresses === null) throw await endedBeforeReady(life.process);
    this.#options.onReady(addresses);
    void this.#keepUp(life, addresses);
    return addresses;
  }

  /** Marks the coordinator as ending: when its process exits, it is not started again. */
  stopping(): void {
    this.#isStopping = true;
  }

  async #keepUp(first: Life, addresses: ClusterAddresses): Promise<void> {
    const { onNotice, onReady } = this.#options;
    let early = 0;
    for (let life = first, restarts = 0; ; restarts += 1) {
      const end = await life.process.ended;
      early = (await life.ready) === null ? early + 1 : 0;
      const isLast = this.#isStopping || restarts >= coordinatorRestarts || early >= earlyDeaths;
      if (isLast || !isDeath(life, end)) return this.#tellOver(this.#judge(life, end));
      onNotice(`the coordinator died (${endInWords(end)}); starting it again`);
      life = this.#begin(["--port", portOf(addresses.address), "--http-port", portOf(addresses.http)]);
      const again = await life.ready;
      if (again !== null) onReady(again);
    }
  }

  /** Starts a process. Its standard output says where it is reached, and later that the run has ended. */
  #begin(ports: readonly string[]): Life {
    const { run, reducers, changes, common } = this.#options;
    let tellReady: (addresses: ClusterAddresses) => void = () => undefined;
    const said = new Promise<ClusterAddresses>((done) => {
      tellReady = done;
    });
    const where = ports.length === 0 ? ["--port", "0"] : ports;
    const process = new ClusterProcess({
      ...this.#options.process,
      name: "coordinator",
      words: ["coordinator", "--run", run, ...where, "--reducers", String(reducers), ...changes, ...common],
      onLine: (line) => {
        const message = JSON.parse(line) as { readonly ready?: boolean; readonly ended?: string };
        if (message.ready === true) tellReady(message as unknown as ClusterAddresses);
        if (message.ended !== undefined) life.hasSaidEnd = true;
      },
    });
    const timer = setTimeout(() => process.kill("SIGKILL"), readyMs);
    const ready = Promise.race([said, process.ended.then(() => null)]).finally(() => clearTimeout(timer));
    const life: Life = { process, ready, hasSaidEnd: false };
    this.#life = life;
    return life;
  }

  #judge(life: Life, end: ProcessEnd): CoordinatorOver {
    const how = endInWords(end);
    const isInOrder = end.code !== null && end.code !== ExitCode.usage && !isDeath(life, end);
    if (life.hasSaidEnd || isInOrder) {
      const sentence = `the coordinator ended (${how}) without saying how the run ended: ${life.process.lastMessage()}`;
      return { tag: "ended", code: end.code ?? ExitCode.failed, sentence };
    }
    const what = isDeath(life, end) ? "died" : "ended";
    const last = end.signal === null ? `: ${life.process.lastMessage()}` : "";
    const goOn = `go on with trainyard train --resume ${this.#options.run}`;
    return {
      tag: "gone",
      sentence: `the coordinator ${what} (${how}), its log is ${life.process.log}${last}; ${goOn}`,
    };
  }
}

/** Exit codes of a coordinator that was not killed: finished (0), run refused (2), asked to leave (3). */
const orderlyCodes: readonly (number | null)[] = [ExitCode.finished, ExitCode.usage, ExitCode.interrupted];

/** True when the process was killed or crashed. Code 1 alone is ambiguous: a failed run and an uncaught error both have it. */
const isDeath = (life: Life, { code, signal }: ProcessEnd) =>
  !life.hasSaidEnd && (signal !== null || !orderlyCodes.includes(code));

/** What the coordinator refuses it says itself, in a sentence that needs no introduction. */
async function endedBeforeReady(process: ClusterProcess): Promise<TrainyardError> {
  const end = await process.ended;
  if (end.code === ExitCode.usage) return new TrainyardError("USAGE", process.lastMessage());
  const why =
    end.signal === null
      ? process.lastMessage()
      : `it was ended by ${end.signal}, or not ready after ${readyMs / 1000} s; see ${process.log}`;
  return new TrainyardError("FAILED", `the coordinator ended before it was ready: ${why}`);
}

const portOf = (address: string) => address.slice(address.lastIndexOf(":") + 1);
