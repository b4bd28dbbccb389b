/** What a program hears of a run while it is trained. */
import type { RunPhase, RunStatus } from "../shared/status.js";

/** Where the run is. When events are read more slowly than they come, only the newest is kept. */
export interface ProgressEvent {
  readonly type: "progress";
  readonly phase: RunPhase;
  /** The current epoch, from 0, and how many there are at most. */
  readonly epoch: number;
  readonly epochs: number;
  /** Committed steps of the whole run, and how many there are at most. */
  readonly step: number;
  readonly steps: number;
  /** Mean over the samples of the epoch so far; null before its first step. */
  readonly loss: number | null;
  /** Share of those samples that were classified right, from 0 to 1. */
  readonly accuracy: number | null;
  /** Samples per second; null while it is not known. */
  readonly imagesPerSecond: number | null;
  /** Expected seconds until the end; null while that is not known. */
  readonly etaSeconds: number | null;
}

/** An epoch has ended. Epochs shorter than a quarter of a second may be left out. */
export interface EpochEvent {
  readonly type: "epoch";
  /** From 0. */
  readonly epoch: number;
  readonly loss: number | null;
  /** From 0 to 1. */
  readonly accuracy: number | null;
  /** Null for a data set without validation images. */
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
  readonly seconds: number | null;
  readonly imagesPerSecond: number | null;
}

/** A sentence for people: how many lanes there are, or that a worker died and is started again. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly message: string;
}

export type TrainingEvent = ProgressEvent | EpochEvent | NoticeEvent;

/** Events in their order, for one reader. Iteration ends when the run has ended, in whatever way. */
export class TrainingEvents implements AsyncIterable<TrainingEvent> {
  #events: TrainingEvent[] = [];
  #newestEpoch = -1;
  #isOver = false;
  #wake: () => void = () => undefined;

  notice(message: string): void {
    this.#push({ type: "notice", message });
  }

  /** Adds progress, and the epoch that has ended since the last status. */
  status(status: RunStatus): void {
    const { lastEpoch } = status;
    if (lastEpoch !== undefined && lastEpoch.epoch > this.#newestEpoch) {
      this.#newestEpoch = lastEpoch.epoch;
      this.#push({ type: "epoch", ...lastEpoch });
    }
    const { phase, epoch, epochs, step, steps, loss, accuracy, imagesPerSecond, etaSeconds } = status;
    const numbers = { epoch, epochs, step, steps, loss, accuracy, imagesPerSecond, etaSeconds };
    if (this.#events.at(-1)?.type === "progress") this.#events.pop();
    this.#push({ type: "progress", phase, ...numbers });
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent> {
    for (;;) {
      const next = this.#events.shift();
      if (next !== undefined) yield next;
      else if (this.#isOver) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #push(event: TrainingEvent): void {
    this.#events.push(event);
    this.#wake();
  }
}
