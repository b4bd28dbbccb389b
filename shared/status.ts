/**
 * What a live coordinator says of its run at GET /status, and how to ask it: the progress line, `runs follow`,
 * `runs stop` and the live page all read this. The address lies in `runs/<run>/generations/<g>.json`.
 */
import { z } from "zod";
import { asTrainyardError, TrainyardError } from "./errors.js";
import { reasonOfCode } from "./network-reason.js";
import { askHttp, type ClientSecurity, type HttpQuestion, noSecurity } from "./security/client-security.js";
import { runKey } from "./spec.js";
import { readDocument } from "./store/document.js";
import type { ObjectStore } from "./store/object-store.js";

/** waiting: for a first worker; the rest is what the run is doing, and its three ends. */
export const runPhases = [
  "waiting",
  "initialising",
  "training",
  "evaluating",
  "exporting",
  "finished",
  "failed",
  "stopped",
] as const;
/** The phase of a run, as users see it. */
export type RunPhase = (typeof runPhases)[number];

/** True when a run in this phase has ended. */
export const hasEnded = (phase: RunPhase) =>
  phase === "finished" || phase === "failed" || phase === "stopped";

/** The status of one worker. */
export const WorkerStatus = z.object({
  id: z.string(),
  /** The worker's state for people: joining, preparing, computing, spare, draining, lost … */
  state: z.string(),
  lanes: z.array(z.number().int().nonnegative()),
});
export type WorkerStatus = z.infer<typeof WorkerStatus>;

/** JSON has no NaN: a number that is not finite travels as null. */
const measured = z.number().nullable();

/** The status of a run: GET /status. */
export const RunStatus = z.object({
  run: z.string(),
  generation: z.number().int().positive().optional(),
  phase: z.enum(runPhases),
  /** Number of the current epoch; the first is 0. */
  epoch: z.number().int().nonnegative(),
  epochs: z.number().int().positive(),
  stepInEpoch: z.number().int().nonnegative(),
  stepsPerEpoch: z.number().int().nonnegative(),
  step: z.number().int().nonnegative(),
  steps: z.number().int().nonnegative(),
  /** Mean training loss of the current epoch so far, by sample; null before its first step. */
  loss: measured,
  accuracy: measured,
  /** Results of the last evaluated epoch; the first epoch is 0. */
  validation: z.object({ epoch: z.number().int(), loss: measured, accuracy: measured }).optional(),
  /** The last finished epoch, as the curve has it. */
  lastEpoch: z
    .object({
      epoch: z.number().int().nonnegative(),
      loss: measured,
      accuracy: measured,
      validationLoss: measured,
      validationAccuracy: measured,
      seconds: measured,
      imagesPerSecond: measured,
    })
    .optional(),
  imagesPerSecond: measured,
  etaSeconds: measured,
  workers: z.array(WorkerStatus),
  /** The newest whole checkpoint, and the number of steps in it; absent before the first. */
  kept: z.object({ checkpoint: z.string(), step: z.number().int().nonnegative() }).optional(),
  /** Work that is in no checkpoint because checkpoints can't be written; absent while they can. */
  atRisk: z
    .object({ reason: z.string(), steps: z.number().int().nonnegative(), seconds: z.number() })
    .optional(),
  /** What the run needs of the store's disk, and what that has; absent where the store does not know it. */
  space: z.string().optional(),
  /** Whom or what it waits for, or why it ended; one sentence. */
  message: z.string().optional(),
  /** What result.json holds, once the run has ended. */
  result: z.record(z.string(), z.unknown()).optional(),
});
export type RunStatus = z.infer<typeof RunStatus>;

/**
 * `runs/<run>/ends/<g>.json`: how a coordinator ended whose run did not finish: it failed or was stopped, or the
 * coordinator was interrupted and the run goes on with the next one. A finished run has result.json instead; one
 * without either was cut off.
 */
export const EndRecord = z.looseObject({
  generation: z.number().int().positive(),
  outcome: z.enum(["failed", "stopped", "interrupted"]),
  reason: z.string(),
  /** The run's status when it ended. */
  status: RunStatus,
  endedAt: z.string(),
});
export type EndRecord = z.infer<typeof EndRecord>;

/** The key of the record that says how a coordinator's run ended. */
export const endKey = (run: string, generation: number) => runKey(run, "ends", `${generation}.json`);

/**
 * Reads how a coordinator's run ended; null when that coordinator did not record an end. Errors: DAMAGED, the store's.
 */
export const readEndRecord = (store: ObjectStore, run: string, generation: number, signal?: AbortSignal) =>
  readDocument(store, endKey(run, generation), EndRecord, signal);

/** What GET /alive says to everybody: which run a coordinator has, and whether that has ended. */
export const LifeSign = z.object({
  /** Empty between two runs of a standing coordinator. */
  run: z.string(),
  generation: z.number().int().nonnegative(),
  ended: z.boolean(),
  /** The number under which a standing coordinator holds its store's queue; absent when it holds none. */
  queue: z.number().int().positive().optional(),
});
export type LifeSign = z.infer<typeof LifeSign>;

/** How long a coordinator may take to say how it is: it answers from memory. */
const answerMs = 5_000;

/**
 * Asks a coordinator for its run's status. `http`: host:port, or https://host:port. Safe to repeat. Errors: UNREACHABLE
 * when nothing answers within 5 s, when what answers is no coordinator, or when it serves another run; USAGE when it
 * wants other credentials; INTERRUPTED by the signal.
 */
export async function fetchStatus(
  http: string,
  run: string,
  signal?: AbortSignal,
  security: ClientSecurity = noSecurity,
): Promise<RunStatus> {
  const body = await call({ address: http, path: "/status", method: "GET" }, security, signal);
  const parsed = RunStatus.safeParse(body);
  if (!parsed.success) throw unreachable(http, "what answers there is no coordinator of this version");
  if (parsed.data.run !== run) throw unreachable(http, `it serves the run ${parsed.data.run}, not ${run}`);
  return parsed.data;
}

/** Asks a coordinator which run it has; everybody may. Errors: UNREACHABLE as above, INTERRUPTED. */
export async function fetchLifeSign(http: string, security: ClientSecurity = noSecurity): Promise<LifeSign> {
  const body = await call({ address: http, path: "/alive", method: "GET" }, security);
  const parsed = LifeSign.safeParse(body);
  if (!parsed.success) throw unreachable(http, "what answers there is no coordinator of this version");
  return parsed.data;
}

/** Asks a coordinator to stop its run after the step in progress. Asking twice is the same. Errors as above. */
export async function requestStop(
  http: string,
  signal?: AbortSignal,
  security: ClientSecurity = noSecurity,
): Promise<void> {
  const headers = { "x-trainyard": "stop" };
  await call({ address: http, path: "/stop", method: "POST", headers }, security, signal);
}

type Question = Pick<HttpQuestion, "address" | "path" | "method" | "headers">;

async function call(question: Question, security: ClientSecurity, signal?: AbortSignal): Promise<unknown> {
  const deadline = AbortSignal.timeout(answerMs);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const { address } = question;
  try {
    const { status, body } = await askHttp({ ...question, security, signal: either });
    if (status === 401 || status === 403) throw notLetIn(address, body);
    if (status < 200 || status > 299)
      throw unreachable(address, `it answers with status ${status}: is this a coordinator's HTTP port?`);
    return parsedOrNull(body);
  } catch (error) {
    if (signal?.aborted === true) throw asTrainyardError(signal.reason, "INTERRUPTED");
    if (error instanceof TrainyardError) throw error;
    throw unreachable(address, deadline.aborted ? `no answer in ${answerMs / 1000} s` : whyNot(error), error);
  }
}

function parsedOrNull(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** The reason of a failed request, in words. */
function whyNot(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return whyNot(error.errors[0]);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasonOfCode(code) ?? (code === "" ? "the request failed" : `the request failed (${code})`);
}

const notLetIn = (address: string, sentence: string) =>
  new TrainyardError("USAGE", `the coordinator at ${address} does not let you in: ${sentence.trim()}`);

/** True when the machine answered that nothing listens there: who listened has ended. Not so for silence. */
export function isRefusedConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "ECONNREFUSED") return true;
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.every(isRefusedConnection);
  return isRefusedConnection(error.cause);
}

const unreachable = (host: string, why: string, cause?: unknown) =>
  new TrainyardError("UNREACHABLE", `the coordinator at ${host} can't be reached: ${why}`, { cause });
