/** HTTP/2 windows of the tensor plane: what a receiver takes in before the sender must wait for it. */
import { limits } from "../limits.js";

/** Of each stream and connection of a reducer: all lanes may come up at once, so it shrinks with their number. */
export const reducerWindowBytes = (lanes: number) =>
  Math.min(
    limits.receiveWindowBytes,
    Math.max(limits.receiveWindowMinBytes, Math.floor(limits.receiveWindowsBytes / lanes)),
  );
