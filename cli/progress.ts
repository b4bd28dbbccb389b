/**
 * Following a run: one line that rewrites itself on a terminal; elsewhere a line an epoch and one every ten
 * seconds. Goes to standard error, so that standard output stays the result's.
 */

import { type WatchOptions, watchRun } from "../runs/watch-run.js";
import { realClock } from "../shared/clock.js";
import { decimals, duration, percent, whole } from "../shared/readable-numbers.js";
import { hasEnded, type RunStatus } from "../shared/status.js";
import { riskInWords, stepsInWords } from "./durability.js";

/** process.stderr, or a test's. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** How a run is followed and shown. */
export interface FollowOptions extends Omit<WatchOptions, "pollMs"> {
  /** Shows nothing. */
  readonly quiet?: boolean;
  readonly output?: ProgressOutput;
  /** Shows the run, and other lines of its owner meanwhile. Default: one of its own on `output`. */
  readonly progress?: Progress;
  /** Default: four times a second on a terminal, else once. */
  readonly pollMs?: number;
}

const plainLineMs = 10_000;

/**
 * Shows a run until it ends and returns its last status. Errors: UNREACHABLE when no coordinator answers for
 * `awayMs` and the store knows no end; the signal's reason.
 */
export async function followRun(options: FollowOptions): Promise<RunStatus> {
  const { output = process.stderr, clock = realClock, onStatus } = options;
  const progress = options.quiet === true ? null : (options.progress ?? new Progress(output));
  const pollMs = options.pollMs ?? (output.isTTY === true ? 250 : 1000);
  const show = (status: RunStatus) => {
    progress?.show(status, clock.nowMs());
    onStatus?.(status);
  };
  try {
    return await watchRun({ ...options, pollMs, clock, onStatus: show });
  } finally {
    progress?.end();
  }
}

/** The line: epoch 3/25 · step 12/25 · loss 0.5123 · accuracy 74.20 % · 812 images/s · ETA 2m 10s */
export function progressLine(status: RunStatus): string {
  const parts: string[] = status.phase === "training" ? [] : [status.phase];
  if (status.step > 0 || status.phase === "training") {
    parts.push(`epoch ${Math.min(status.epoch + 1, status.epochs)}/${status.epochs}`);
    parts.push(`step ${status.stepInEpoch}/${status.stepsPerEpoch}`);
  }
  if (status.loss !== null || status.step > 0)
    parts.push(`loss ${decimals(status.loss)}`, `accuracy ${percent(status.accuracy)}`);
  if (status.imagesPerSecond !== null) parts.push(`${Math.round(status.imagesPerSecond)} images/s`);
  if (status.etaSeconds !== null && !hasEnded(status.phase)) parts.push(`ETA ${duration(status.etaSeconds)}`);
  if (status.atRisk !== undefined) parts.push(`NOT SAVED: ${stepsInWords(status.atRisk.steps)}`);
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
  if (row.validationLoss !== null || status.validation?.epoch === row.epoch) {
    parts.push(
      `validation loss ${decimals(row.validationLoss)}`,
      `accuracy ${percent(row.validationAccuracy)}`,
    );
  }
  parts.push(`${whole(row.imagesPerSecond)} images/s`);
  return parts.join(" · ");
}

/** Puts statuses on the output, each kind of it in its way. */
export class Progress {
  readonly #output: ProgressOutput;
  #shownEpoch = -1;
  #lastLine = "";
  #lastMs = Number.NEGATIVE_INFINITY;
  #isOpen = false;
  #hasSaidSpace = false;
  /** Why checkpoints failed when that was last said. */
  #saidRisk: string | undefined;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  show(status: RunStatus, nowMs: number): void {
    if (status.space !== undefined && !this.#hasSaidSpace) this.note(status.space);
    this.#hasSaidSpace ||= status.space !== undefined;
    const epoch = epochLine(status);
    if (epoch !== null && status.lastEpoch !== undefined && status.lastEpoch.epoch > this.#shownEpoch) {
      this.#shownEpoch = status.lastEpoch.epoch;
      this.note(epoch);
      this.#lastMs = nowMs;
    }
    this.#sayRisk(status);
    const line = progressLine(status);
    if (this.#output.isTTY === true) this.#rewrite(line);
    else if (line !== this.#lastLine && (nowMs - this.#lastMs >= plainLineMs || hasEnded(status.phase))) {
      this.#lastMs = nowMs;
      this.#lastLine = line;
      this.#output.write(`${line}\n`);
    }
  }

  /** Says once that checkpoints fail, and once that they don't any more. */
  #sayRisk(status: RunStatus): void {
    const reason = status.atRisk?.reason;
    const before = this.#saidRisk;
    if (reason === before) return;
    this.#saidRisk = reason;
    const risk = riskInWords(status);
    if (risk !== null) this.note(`warning: ${risk}`);
    else if (before !== undefined && !hasEnded(status.phase)) this.note("checkpoints are written again");
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
