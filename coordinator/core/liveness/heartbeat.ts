/** Lost heartbeats: a worker that is silent for too long is cut off, whatever it does. */
import { limits } from "../../../shared/limits.js";
import { cutOff } from "../lost-worker.js";
import type { Wait, WaitKind } from "./wait.js";

/** Every worker's next message or heartbeat. */
export const heartbeats: WaitKind = {
  waits: ({ workers }) =>
    [...workers.values()].map(
      ({ id, heardMs }): Wait => ({
        what: "heartbeat",
        from: id,
        sinceMs: heardMs,
        until: heardMs + limits.lostAfterMs,
        consequence: "cut the worker off",
      }),
    ),
  fire: (turn, due) => {
    for (const { from, sinceMs } of due) {
      cutOff(turn, from, `silent for ${((turn.nowMs - sinceMs) / 1000).toFixed(1)} s`);
    }
  },
};
