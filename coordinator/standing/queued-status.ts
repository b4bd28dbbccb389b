/** A run that waits for its turn, as its followers see it: nothing of it has happened yet, or not since it was cut off. */
import { placeInWords } from "../../shared/queue.js";
import type { RunStatus } from "../../shared/status.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { readSpec } from "../run-inputs.js";

/** `ahead`: runs before it in the queue. Errors: NOT_FOUND, DAMAGED, the store's. */
export async function queuedStatus(
  store: ObjectStore,
  run: string,
  ahead: number,
  signal: AbortSignal,
): Promise<RunStatus> {
  const { epochs } = await readSpec(store, run, signal);
  return {
    run,
    phase: "waiting",
    epoch: 0,
    epochs,
    stepInEpoch: 0,
    stepsPerEpoch: 0,
    step: 0,
    steps: 0,
    loss: null,
    accuracy: null,
    imagesPerSecond: null,
    etaSeconds: null,
    workers: [],
    message: ahead === 0 ? "its turn comes" : `queued: ${placeInWords(ahead)}`,
  };
}
