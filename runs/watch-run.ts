/** Watches a run until it ends, by asking its coordinator again and again; a later coordinator is found through the store. */
import { type Clock, realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { fetchStatus, hasEnded, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { lastCoordinator, readEnd } from "./run-state.js";

/** Which run is watched, and how. */
export interface WatchOptions {
  readonly run: string;
  /** Where the coordinator's HTTP is (`host:port`); a later one is found through the store. */
  readonly http: string;
  readonly store: ObjectStore;
  /** Credentials for the coordinator. Default: none. */
  readonly security?: ClientSecurity;
  /** Ends the watching, not the run. */
  readonly signal?: AbortSignal;
  /** Called with every status. */
  readonly onStatus?: (status: RunStatus) => void;
  /** Milliseconds between two questions. */
  readonly pollMs: number;
  /** How long an unreachable coordinator is waited for. Default 15 s: it may be restarting. */
  readonly awayMs?: number;
  /** Default: the real one. */
  readonly clock?: Clock;
}

/**
 * Watches a run until it ends and returns its last status. Errors: UNREACHABLE when no coordinator answers for
 * `awayMs` and the store knows no end; the signal's reason.
 */
export async function watchRun(options: WatchOptions): Promise<RunStatus> {
  const signal = options.signal ?? new AbortController().signal;
  const clock = options.clock ?? realClock;
  let http = options.http;
  let reachedMs = clock.nowMs();
  for (;;) {
    const answer = await ask(http, { ...options, clock }, reachedMs);
    if (typeof answer === "string") http = answer;
    else {
      reachedMs = clock.nowMs();
      options.onStatus?.(answer);
      if (hasEnded(answer.phase)) return answer;
    }
    await clock.sleep(options.pollMs, signal);
    signal.throwIfAborted();
  }
}

/**
 * The status; or, when the coordinator does not answer but still may, the address to ask next. `reachedMs`: when it
 * answered last.
 */
async function ask(
  http: string,
  options: WatchOptions & { readonly clock: Clock },
  reachedMs: number,
): Promise<RunStatus | string> {
  const { run, signal } = options;
  try {
    return await fetchStatus(http, run, signal, options.security);
  } catch (error) {
    if (!(error instanceof TrainyardError) || error.code !== "UNREACHABLE") throw error;
    const mayComeBack = options.clock.nowMs() - reachedMs <= (options.awayMs ?? 15_000);
    const found = await lookUp(http, options).catch((storeError: unknown) => {
      signal?.throwIfAborted();
      if (!mayComeBack) throw storeError;
      return http; // both are away: both may come back
    });
    if (typeof found === "string" && !mayComeBack) throw error;
    return found;
  }
}

/** What the store knows of a run whose coordinator does not answer: its end, or the address of a later one. */
async function lookUp(http: string, { run, store, signal }: WatchOptions): Promise<RunStatus | string> {
  const end = await readEnd(store, run);
  return end ?? (await lastCoordinator(store, run, signal))?.http ?? http;
}
