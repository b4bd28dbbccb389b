/** Weights and moments are finite after every step, whatever a gradient was. */
import type { SliceUpdate } from "../reducer-threads.js";
import type { Checker } from "./checker.js";

export function finitenessChecker(): Checker {
  let checked = 0;
  return {
    look({ updates }) {
      for (; checked < updates.length; checked += 1) {
        const { step, slice, generation, after } = updates[checked] as SliceUpdate;
        const areFinite = [after.weights, ...after.moments].every((vector) => vector.every(Number.isFinite));
        if (!areFinite) return `slice ${slice} is not finite after step ${step} of generation ${generation}`;
      }
      return null;
    },
  };
}
