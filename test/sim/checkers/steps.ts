/** No step is applied twice or lost: each coordinator's updates follow one another, and the curve has each step once. */

import { curveOf } from "../published.js";
import type { SliceUpdate } from "../reducer-threads.js";
import type { Checker } from "./checker.js";

export function stepsChecker(): Checker {
  let checked = 0;
  const last = new Map<string, number>();
  return {
    look({ updates }) {
      for (; checked < updates.length; checked += 1) {
        const { generation, slice, step, tag } = updates[checked] as SliceUpdate;
        const key = `${generation}/${slice}`;
        const former = last.get(key);
        last.set(key, step);
        if (former !== undefined && step !== former + 1) {
          return `generation ${generation} updated slice ${slice} in step ${step} after step ${former}`;
        }
        if (tag === "skip")
          return `generation ${generation} skipped step ${step}, though no lane was NaN twice`;
      }
      return null;
    },
    atEnd(simulation, { checksums }) {
      const { steps } = curveOf(simulation);
      const found = steps.map(({ step }) => step);
      const wanted = checksums.map((_, step) => step);
      if (found.join() !== wanted.join())
        return `the curve has the steps ${found.join()}, not ${wanted.join()}`;
      return null;
    },
  };
}
