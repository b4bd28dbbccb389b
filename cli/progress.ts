/**
 * Following a run: one line that rewrites itself on a terminal; elsewhere a line an epoch and one every ten
 * seconds. Goes to standard error, so that standard output stays the result's.
 */

import { lastCoordinator, readEnd } from "../runs/run-state.js";
import { type Clock, realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { decimals, duration, percent } from "../shared/readable-numbers.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { fetchStatus, hasEnded, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** process.stderr, or a test's. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface FollowOptions {
  readonly run: string;
  /** Where the coordinator's HTTP is (`host:port`); a later one is found through the store. */
  readonly http: string;
  readonly store: ObjectStore;
  /** Token and certificates for the coordinator. Default: none. */
  readonly security?: ClientSecurity;
  /** Ends the watching; the run goes on. */
  readonly signal?: AbortSignal;
  /** Shows nothing. */
  readonly quiet?: boolean;
  readonly output?: ProgressOutput;
  /** Where progress is shown, together with the notes of its owner. Default: a new one on `output`. */
  readonly progress?: Progress;
  readonly onStatus?: (status: RunStatus) => void;
  /** Default: four times a second on a terminal, else once. */
  readonly pollMs?: number;
  /** How long an unreachable coordinator is waited for. Default 15 s: it may be restarting. */
  readonly awayMs?: number;
  /** Default: the real one. */
  readonly clock?: Clock;
}

const plainLineMs = 10_000;

/**
 * Shows a run until it ends and returns its last status. Errors: UNREACHABLE when no coordinator answers for
 * `awayMs` and the store knows no end; the signal's reason.
 */
export async function followRun(options: FollowOptions): Promise<RunStatus> {
  const output = options.output ?? process.stderr;
  const progress = options.quiet === true ? null : (options.progress ?? new Progress(output));
  const signal = options.signal ?? new AbortController().signal;
  const pollMs = options.pollMs ?? (output.isTTY === true ? 250 : 1000);
  const clock = options.clock ?? realClock;
  let http = options.http;
  let reachedMs = clock.nowMs();
  try {
    for (;;) {
      const answer = await ask(http, { ...options, clock }, reachedMs);
      if (typeof answer === "string") http = answer;
      else {
        reachedMs = clock.nowMs();
        progress?.show(answer, reachedMs);
        options.onStatus?.(answer);
        if (hasEnded(answer.phase)) return answer;
      }
      await clock.sleep(pollMs, signal);
      signal.throwIfAborted();
    }
  } finally {
    progress?.end();
  }
}

/**
 * The status; or, when the coordinator does not answer but still may, the address to ask next. `reachedMs`: when it
 * answered last.
 */
async function ask(
  http: string,
  options: FollowOptions & { readonly clock: Clock },
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
async function lookUp(http: string, { run, store, signal }: FollowOptions): Promise<RunStatus | string> {
  const end = await readEnd(store, run);
  return end ?? (await lastCoordinator(store, run, signal))?.http ?? http;
}

/** The line: epoch 3/25 · step 12/25 · loss 0.5123 · accuracy 74.20 % · 812 images/s · ETA 2m 10s */
export function progressLine(status: RunStatus): string {
  const parts: string[] = status.phase === "training" ? [] : [status.phase];
  if (status.step > 0 || status.phase === "training") {
    parts.push(`epoch ${Math.min(status.epoch + 1, status.epochs)}/${status.epochs}`);
    parts.push(`step ${status.stepInEpoch}/${status.stepsPerEpoch}`);
  }
  if (status.loss !== null)
    parts.push(`loss ${decimals(status.loss)}`, `accuracy ${percent(status.accuracy)}`);
  if (status.imagesPerSecond !== null) parts.push(`${Math.round(status.imagesPerSecond)} images/s`);
  if (status.etaSeconds !== null && !hasEnded(status.phase)) parts.push(`ETA ${duration(status.etaSeconds)}`);
  if (status.message !== undefined) parts.push(status.message);
  return parts.join(" · ");
}

/** One finished epoch. */
export function epochLine(status: RunStatus): string | null {
  const row = status.lastEpoch;
  if (row === undefined) return null;
  const parts = [
    `epoch ${row.epoch + 1}/${status.epochs}`,
    `loss ${decimals(row.loss)}`,
    `accuracy ${percent(row.accuracy)}`,
  ];
  if (row.validationLoss !== null) {
    parts.push(
      `validation loss ${decimals(row.validationLoss)}`,
      `accuracy ${percent(row.validationAccuracy)}`,
    );
  }
  if (row.imagesPerSecond !== null) parts.push(`${Math.round(row.imagesPerSecond)} images/s`);
  return parts.join(" · ");
}

/** Puts statuses on the output, each kind of it in its way. */
export class Progress {
  readonly #output: ProgressOutput;
  #shownEpoch = -1;
  #lastLine = "";
  #lastMs = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  show(status: RunStatus, nowMs: number): void {
    const epoch = epochLine(status);
    if (epoch !== null && status.lastEpoch !== undefined && status.lastEpoch.epoch > this.#shownEpoch) {
      this.#shownEpoch = status.lastEpoch.epoch;
      this.note(epoch);
      this.#lastMs = nowMs;
    }
    const line = progressLine(status);
    if (this.#output.isTTY === true) this.#rewrite(line);
    else if (line !== this.#lastLine && (nowMs - this.#lastMs >= plainLineMs || hasEnded(status.phase))) {
      this.#lastMs = nowMs;
      this.#lastLine = line;
      this.#output.write(`${line}\n`);
    }
  }

  /** A line that stays, above the one that moves. */
  note(text: string): void {
    this.#output.write(this.#isOpen ? `\r\u001b[2K${text}\n` : `${text}\n`);
    this.#isOpen = false;
  }

  end(): void {
    if (this.#isOpen) this.#output.write("\n");
    this.#isOpen = false;
  }

  #rewrite(line: string): void {
    const room = Math.max(20, (this.#output.columns ?? 80) - 1);
    const cut = [...line].length > room ? `${[...line].slice(0, room - 1).join("")}…` : line;
    this.#output.write(`\r\u001b[2K${cut}`);
    this.#isOpen = true;
  }
}
