/** How far the worker is with the share that it works on: heartbeats say it, and the coordinator's deadline follows it. */

/** A share by its number, and how many of its lanes, or files of an export, are done. */
export interface Progress {
  readonly share: number;
  readonly done: number;
}

export class ShareProgress {
  #now: Progress = { share: 0, done: 0 };

  get now(): Progress {
    return this.#now;
  }

  /** Another share begins; 0: an assignment that has no number. */
  begin(share: number): void {
    this.#now = { share, done: 0 };
  }

  /** One more lane or file of the share is done. */
  advance(): void {
    this.#now = { ...this.#now, done: this.#now.done + 1 };
  }
}
