/**
 * What the store knows of runs: which there are, how one ended, which coordinator holds it. The live state is
 * the coordinator's (shared/status).
 */
import { TrainyardError } from "../shared/errors.js";
import { RunResult } from "../shared/result.js";
import { listRuns } from "../shared/runs.js";
import { RunSpec, runKey } from "../shared/spec.js";
import { EndRecord, fetchStatus, GenerationRecord, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { suggestion } from "./nearest.js";

type State =
  /** Submitted; no coordinator has taken it yet. */
  | { readonly tag: "created" }
  /** A coordinator answers. */
  | { readonly tag: "live"; readonly http: string; readonly status: RunStatus }
  /** Its coordinator ended it before it was finished, and wrote down how. */
  | { readonly tag: "closed"; readonly end: EndRecord }
  /** A coordinator had it and answers no more. */
  | { readonly tag: "interrupted"; readonly generation: number; readonly http: string }
  /** result.json is there, here as it is stored. */
  | { readonly tag: "ended"; readonly result: RunResult; readonly document: unknown };

export interface RunState {
  readonly run: string;
  readonly spec: RunSpec;
  readonly state: State;
}

/** The word that lists show. */
export function stateName({ state }: RunState): string {
  if (state.tag === "live") return state.status.phase;
  if (state.tag === "closed") return state.end.outcome;
  return state.tag === "ended" ? state.result.outcome : state.tag;
}

/** Errors: NOT_FOUND with the nearest name, DAMAGED when a stored document is not what it should be. */
export async function readRunState(store: ObjectStore, run: string, signal?: AbortSignal): Promise<RunState> {
  const document = await readJson(store, runKey(run, "spec.json"), signal);
  if (document === null) {
    const near = suggestion(run, await listRuns(store, signal));
    throw new TrainyardError("NOT_FOUND", `there is no run ${JSON.stringify(run)} in ${store.url}${near}`);
  }
  const spec = parsed(RunSpec, document, runKey(run, "spec.json"));
  return { run, spec, state: await stateOf(store, run, signal) };
}

async function stateOf(store: ObjectStore, run: string, signal?: AbortSignal): Promise<State> {
  const document = await readJson(store, runKey(run, "result.json"), signal);
  if (document !== null) {
    return { tag: "ended", result: parsed(RunResult, document, runKey(run, "result.json")), document };
  }
  const record = await lastGeneration(store, run, signal);
  if (record === null) return { tag: "created" };
  const endKey = runKey(run, "ends", `${record.generation}.json`);
  const end = await readJson(store, endKey, signal);
  if (end !== null) return { tag: "closed", end: parsed(EndRecord, end, endKey) };
  try {
    return { tag: "live", http: record.http, status: await fetchStatus(record.http, run, signal) };
  } catch (error) {
    if (!(error instanceof TrainyardError) || error.code !== "UNREACHABLE") throw error;
    return { tag: "interrupted", generation: record.generation, http: record.http };
  }
}

/** The newest coordinator's record, or null before the first. */
export async function lastGeneration(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<GenerationRecord | null> {
  const prefix = runKey(run, "generations/");
  let last: { readonly generation: number; readonly key: string } | null = null;
  for await (const { key } of store.list(prefix, signal === undefined ? {} : { signal })) {
    const generation = Number(/(\d+)\.json$/.exec(key)?.[1] ?? 0);
    if (generation > (last?.generation ?? 0)) last = { generation, key };
  }
  if (last === null) return null;
  return parsed(GenerationRecord, await readJson(store, last.key, signal), last.key);
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

async function readJson(store: ObjectStore, key: string, signal?: AbortSignal): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof TrainyardError && error.code === "NOT_FOUND") return null;
    throw error;
  }
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  } catch (error) {
    throw new TrainyardError("DAMAGED", `${key} in ${store.url} is not JSON`, { cause: error });
  }
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { message: string } };
}

function parsed<T>(schema: Schema<T>, value: unknown, key: string): T {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  throw new TrainyardError("DAMAGED", `${key} is not what this version of Trainyard writes`, {
    cause: outcome.error,
  });
}
