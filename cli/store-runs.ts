/** Runs as the store tells of them; a run's own coordinator is asked over HTTP where one holds it. */

import { type AskStatus, type RunState, readEnd, readRunState } from "../runs/run-state.js";
import { TrainyardError } from "../shared/errors.js";
import { type RunEvent, sealedEvents } from "../shared/run-events.js";
import { listRuns, resolveRun } from "../shared/runs.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { fetchStatus, type RunStatus, requestStop } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { followRun, type Progress } from "./progress.js";
import type { RunsSource } from "./runs-source.js";

export class StoreRuns implements RunsSource {
  readonly #store: ObjectStore;
  readonly #security: ClientSecurity;
  readonly #signal: AbortSignal;

  constructor(store: ObjectStore, security: ClientSecurity, signal: AbortSignal) {
    this.#store = store;
    this.#security = security;
    this.#signal = signal;
  }

  async list(): ReturnType<RunsSource["list"]> {
    const names = await listRuns(this.#store, this.#signal);
    return await Promise.all(names.map((name) => this.#readable(name)));
  }

  async show(name: string): Promise<RunState> {
    return await this.#read(await resolveRun(this.#store, name, this.#signal));
  }

  async follow(name: string, progress: Progress | null): Promise<RunStatus> {
    const { run, state } = await this.show(name);
    if (state.tag === "created") throw new TrainyardError("NOT_FOUND", `no coordinator has taken ${run} yet`);
    if (state.tag === "queued" || isInterrupted(state)) throw askItsCoordinator(run, "follow");
    if (state.tag === "interrupted") throw nobodyAnswers(run, state.http);
    const common = { run, store: this.#store, signal: this.#signal, security: this.#security };
    const shown = progress === null ? { quiet: true } : { progress };
    const end =
      state.tag === "live"
        ? await followRun({ ...common, ...shown, http: state.http })
        : await readEnd(this.#store, run);
    if (end === null) throw new TrainyardError("FAILED", `the result of ${run} is gone`);
    return end;
  }

  async stop(name: string): Promise<{ run: string; state: string }> {
    const { run, state } = await this.show(name);
    if (state.tag === "queued") throw askItsCoordinator(run, "stop");
    if (state.tag === "interrupted") throw nobodyAnswers(run, state.http);
    if (state.tag !== "live") return { run, state: "idle" };
    await requestStop(state.http, this.#signal, this.#security);
    return { run, state: "stopping" };
  }

  async *logs(name: string, isFollowed: boolean): AsyncGenerator<RunEvent> {
    const { run, state } = await this.show(name);
    if (isFollowed && (state.tag === "live" || state.tag === "queued")) throw askItsCoordinator(run, "logs");
    yield* sealedEvents(this.#store, run, undefined, this.#signal);
  }

  close(): void {}

  #read(run: string): Promise<RunState> {
    const ask: AskStatus = (http, name, signal) => fetchStatus(http, name, signal, this.#security);
    return readRunState(this.#store, run, this.#signal, ask);
  }

  /** One run whose files are damaged, or of another version, must not hide the others: it is named instead. */
  async #readable(run: string): Promise<RunState | { run: string; damaged: string }> {
    return await this.#read(run).catch((error: unknown) => {
      if (!(error instanceof TrainyardError) || error.code !== "DAMAGED") throw error;
      return { run, damaged: error.message };
    });
  }
}

const isInterrupted = (state: RunState["state"]) =>
  state.tag === "closed" && state.end.outcome === "interrupted";

const askItsCoordinator = (run: string, command: string) =>
  new TrainyardError(
    "USAGE",
    `${run} is a standing coordinator's: trainyard runs ${command} ${run} --coordinator HOST:PORT asks that one`,
  );

const nobodyAnswers = (run: string, http: string) =>
  new TrainyardError(
    "UNREACHABLE",
    `the coordinator of ${run} at ${http} does not answer; if it crashed, go on with trainyard train --resume ${run}`,
  );
