/** What a core saved, as the next coordinator gets it from the store: through the checkpoint's own encoding. */
import { decodeState, encodeState } from "../../coordinator/checkpoints/checkpoint-state.js";
import type { Effect } from "../../coordinator/core/events.js";
import type { Restored } from "../../coordinator/core/state.js";
import { type CoreDriver, tinyLayout } from "./core-driver.js";

export type SavedCheckpoint = Extract<Effect, { tag: "checkpoint" }>;

/** The last checkpoint that the core asked for. Errors: there is none. */
export function lastSaved(core: CoreDriver): SavedCheckpoint {
  const saved = core.effects.findLast((effect) => effect.tag === "checkpoint");
  if (saved?.tag !== "checkpoint") throw new Error("no checkpoint was asked for");
  return saved;
}

/** The checkpoint read back. `redone`: samples committed after it that the store knows of. */
export function restoredFrom({ checkpoint, saved }: SavedCheckpoint, redone = 0): Restored {
  const { layout, saved: read } = decodeState(encodeState(checkpoint, tinyLayout, saved), "state.json");
  return { checkpoint, layout, saved: read, redone };
}
