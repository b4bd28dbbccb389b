/** HTTP/2 windows of the tensor plane: what a receiver takes in before the sender must wait for it. */
import { limits } from "../limits.js";

/**
 * HTTP/2 receive window of each stream and connection of a reducer. All lanes may be uploaded at once, so the window
 * shrinks with their number.
 */
export const reducerWindowBytes = (lanes: number) =>
  Math.min(
    limits.receiveWindowBytes,
    Math.max(limits.receiveWindowMinBytes, Math.floor(limits.receiveWindowsBytes / lanes)),
  );
