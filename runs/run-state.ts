/**
 * What the store knows of runs: which there are, how one ended, which coordinator holds it. The live state is
 * the coordinator's (shared/status).
 */
import { TrainyardError } from "../shared/errors.js";
import {
  changesOf,
  type GenerationEntry,
  type GenerationRecord,
  generationKey,
  newestGeneration,
} from "../shared/generations.js";
import { suggestion } from "../shared/nearest-name.js";
import { findPublication, type Publication } from "../shared/publication.js";
import { readQueue } from "../shared/queue.js";
import { listRuns } from "../shared/runs.js";
import { RunSpec, runKey } from "../shared/spec.js";
import { effectiveSpec } from "../shared/spec-changes.js";
import {
  type EndRecord,
  fetchStatus,
  isRefusedConnection,
  type RunStatus,
  readEndRecord,
} from "../shared/status.js";
import { parsedDocument, readJson } from "../shared/store/document.js";
import type { ObjectStore } from "../shared/store/object-store.js";

type State =
  /** Submitted; no coordinator has taken it yet. */
  | { readonly tag: "created" }
  /** It waits for a standing coordinator; so many runs come before it. */
  | { readonly tag: "queued"; readonly ahead: number }
  /** A coordinator answers. */
  | { readonly tag: "live"; readonly http: string; readonly status: RunStatus }
  /** Its coordinator ended it before it was finished, and wrote down how. */
  | { readonly tag: "closed"; readonly end: EndRecord }
  /** A coordinator had it and answers no more. */
  | {
      readonly tag: "interrupted";
      readonly generation: number;
      readonly http: string;
      /** False when the machine refuses connections at that address, so that no coordinator can listen there. */
      readonly mayLive: boolean;
    }
  /** It has finished; what it published, and where. */
  | ({ readonly tag: "ended" } & Publication);

export interface RunState {
  readonly run: string;
  /** The spec, with the changes that were made when the run went on. */
  readonly spec: RunSpec;
  readonly state: State;
}

/** The word that lists show. */
export function stateName({ state }: RunState): string {
  if (state.tag === "live") return state.status.phase;
  if (state.tag === "closed") return state.end.outcome;
  return state.tag === "ended" ? state.result.outcome : state.tag;
}

/** Asks the coordinator at an HTTP address; see fetchStatus. */
export type AskStatus = (http: string, run: string, signal?: AbortSignal) => Promise<RunStatus>;

/** Errors: NOT_FOUND with the nearest name, DAMAGED when a stored document is not what it should be. */
export async function readRunState(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
  ask: AskStatus = fetchStatus,
): Promise<RunState> {
  const document = await readJson(store, runKey(run, "spec.json"), signal);
  if (document === null) {
    const near = suggestion(run, await listRuns(store, signal));
    throw new TrainyardError("NOT_FOUND", `there is no run ${JSON.stringify(run)} in ${store.url}${near}`);
  }
  const spec = parsedDocument(RunSpec, document, runKey(run, "spec.json"));
  const newest = await newestGeneration(store, run, signal);
  return {
    run,
    spec: effectiveSpec(spec, changesOf(newest)),
    state: await stateOf({ store, run, newest, ask }, signal),
  };
}

interface Looked {
  readonly store: ObjectStore;
  readonly run: string;
  readonly newest: GenerationEntry | null;
  readonly ask: AskStatus;
}

async function stateOf({ store, run, newest, ask }: Looked, signal?: AbortSignal): Promise<State> {
  if (newest === null) return await waitingState(store, run, signal);
  if (newest.tag === "closed") {
    const publication = await findPublication(store, run, signal);
    if (publication !== null) return { tag: "ended", ...publication };
  }
  const end = await readEndRecord(store, run, newest.generation, signal);
  if (end !== null) return { tag: "closed", end };
  if (newest.tag !== "owner") throw unreadable(generationKey(run, newest.generation));
  const { http, generation } = newest.record;
  try {
    return { tag: "live", http, status: await ask(http, run, signal) };
  } catch (error) {
    if (!(error instanceof TrainyardError) || error.code !== "UNREACHABLE") throw error;
    return { tag: "interrupted", generation, http, mayLive: !isRefusedConnection(error) };
  }
}

async function waitingState(store: ObjectStore, run: string, signal?: AbortSignal): Promise<State> {
  const queue = await readQueue(store, signal);
  const ahead = queue.findIndex((entry) => entry.run === run);
  return ahead < 0 ? { tag: "created" } : { tag: "queued", ahead };
}

const unreadable = (key: string) =>
  new TrainyardError("DAMAGED", `${key} is not what this version of Trainyard writes`);

/** Where the newest coordinator is reached; null before the first, and when the run is over. */
export async function lastCoordinator(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<GenerationRecord | null> {
  const newest = await newestGeneration(store, run, signal);
  return newest?.tag === "owner" ? newest.record : null;
}

/** How a run ended, as its coordinator would have said it; null while it has no result. */
export async function readEnd(store: ObjectStore, run: string): Promise<RunStatus | null> {
  const { spec, state } = await readRunState(store, run);
  if (state.tag === "closed") return state.end.status;
  if (state.tag !== "ended") return null;
  const { result } = state;
  const { final } = result;
  const stepsPerEpoch = result.epochs > 0 ? Math.round(result.steps / result.epochs) : 0;
  return {
    run,
    phase: result.outcome,
    epoch: Math.max(0, result.epochs - 1),
    epochs: spec.epochs,
    stepInEpoch: stepsPerEpoch,
    stepsPerEpoch,
    step: result.steps,
    steps: stepsPerEpoch * spec.epochs,
    loss: final?.loss ?? null,
    accuracy: final?.accuracy ?? null,
    ...(final !== null && {
      validation: { epoch: final.epoch, loss: final.validationLoss, accuracy: final.validationAccuracy },
    }),
    imagesPerSecond: result.imagesPerSecond,
    etaSeconds: 0,
    workers: [],
    message: result.reason,
    result: result as Record<string, unknown>,
  };
}
