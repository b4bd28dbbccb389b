/** Waits that may last for ever, because a person decides when they end. Every other wait has a deadline. */

/** Name of a lasting wait -> what it waits for. */
export const lastingWaits = {
  "no worker":
    "a run that a standing coordinator carries out waits for its first worker, or for the next one",
  stay: "a worker with --stay waits for the next run",
  queue: "a queued run waits for its turn",
} as const;

export type LastingWait = keyof typeof lastingWaits;

/** How often a lasting wait is logged. */
export const lastingWaitLogMs = 60_000;
