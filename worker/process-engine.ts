/**
 * A process has one TensorFlow, which is loaded with one number of threads and one choice of kernels. A worker that serves
 * run after run ends when a run needs other ones: started again, it can serve it.
 */
import { TrainyardError } from "../shared/errors.js";
import type { RunSpec } from "../shared/spec.js";

type Settings = Pick<RunSpec["engine"], "intraOpThreads" | "oneDnn">;

export class ProcessEngine {
  #first: Settings | undefined;

  /** Errors: INTERRUPTED when an earlier run had other settings. */
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
