/** Notices a peer that vanished without a word: it is pinged, and a session without an answer is ended. */
import type { Http2Session } from "node:http2";
import { limits } from "../limits.js";

/** Closes a session whose peer answers no pings. */
export function keepAlive(session: Http2Session): void {
  const everyMs = limits.lostAfterMs;
  let isAnswered = true;
  const timer = setInterval(() => {
    if (session.closed || session.destroyed) return;
    if (!isAnswered) return session.destroy(new Error(`the peer did not answer for ${everyMs / 1000} s`));
    isAnswered = false;
    session.ping((error) => {
      isAnswered ||= error === null;
    });
  }, everyMs);
  timer.unref();
  session.once("close", () => clearInterval(timer));
}
