/**
 * A process loads TensorFlow once, with one number of threads and one choice of kernels. A worker that serves one run after
 * another ends when a run needs other settings; started again, it can serve that run.
 */
import { TrainyardError } from "../shared/errors.js";
import type { RunSpec } from "../shared/spec.js";

type Settings = Pick<RunSpec["engine"], "intraOpThreads" | "oneDnn">;

export class ProcessEngine {
  #first: Settings | undefined;

  /** Checks that this process can compute with these settings. Errors: INTERRUPTED when an earlier run had others. */
  require({ intraOpThreads, oneDnn }: Settings): void {
    this.#first ??= { intraOpThreads, oneDnn };
    const { intraOpThreads: threads, oneDnn: kernels } = this.#first;
    if (threads === intraOpThreads && kernels === oneDnn) return;
    throw new TrainyardError(
      "INTERRUPTED",
      `the next run computes with ${inWords({ intraOpThreads, oneDnn })}, TensorFlow is loaded with ${inWords(this.#first)}: this worker has to be started again for it`,
    );
  }
}

const inWords = ({ intraOpThreads, oneDnn }: Settings) =>
  `--threads ${intraOpThreads} --${oneDnn ? "" : "no-"}one-dnn`;
