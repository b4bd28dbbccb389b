/**
 * The phases of a run and the changes between them that are allowed. `Turn.enter` refuses every other change.
 *
 * | phase        | what happens in it                                      | it is entered by                            |
 * |--------------|---------------------------------------------------------|---------------------------------------------|
 * | gathering    | the run waits for its first ready worker and its slices | the start of a coordinator                  |
 * | initialising | a worker builds the first weights                       | a new run, once slices and a worker are there |
 * | restoring    | the slices take a checkpoint's vectors                  | a resumed run, once the slices are there    |
 * | saving       | a checkpoint is written that the next phase needs       | first weights, end of an epoch, a stop      |
 * | training     | lanes of one step are computed                          | the beginning of a step                     |
 * | committing   | the reducers carry out the decision on the step         | the last lane and slice of a step           |
 * | evaluating   | blocks of the validation split are predicted            | the last commit of an epoch                 |
 * | exporting    | a worker writes the exported model                      | the checkpoint after the last epoch         |
 * | publishing   | curve, report and result are written                    | a worker's exported files                   |
 * | ended        | nothing; workers that come are told the outcome         | any phase                                   |
 */
import { invariant } from "../invariants.js";
import type { PhaseTag } from "../state.js";

/** The phases that may follow each phase. */
export const phaseChanges: Readonly<Record<PhaseTag, readonly PhaseTag[]>> = {
  gathering: ["initialising", "restoring", "ended"],
  initialising: ["saving", "ended"],
  /** Where the checkpoint stood: before a step, at the end of an epoch, or before the export. */
  restoring: ["training", "evaluating", "saving", "ended"],
  saving: ["training", "exporting", "ended"],
  /** Itself: the step is begun again, as another attempt. Saving: the run is stopped. */
  training: ["training", "committing", "saving", "ended"],
  committing: ["training", "evaluating", "saving", "ended"],
  evaluating: ["training", "saving", "ended"],
  exporting: ["publishing", "ended"],
  publishing: ["ended"],
  ended: [],
};

/** Errors: the table of phase changes does not have this change. */
export function requirePhaseChange(from: PhaseTag, to: PhaseTag): void {
  invariant(phaseChanges[from].includes(to), `the phase went from ${from} to ${to}`);
}
