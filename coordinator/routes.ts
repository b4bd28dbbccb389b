/**
 * What the coordinator answers over HTTP besides metrics: how the run is, its curve so far, the page, and stop. While
 * the run is still being read it answers that it is starting.
 */
import { renderLivePage } from "../dashboard/live-page.js";
import { toJson } from "../shared/curve.js";
import { type HttpReply, type HttpRoute, html, json } from "../shared/http.js";
import type { Shell } from "./shell.js";

/** `shellNow`: null until the run has been read. */
export function coordinatorRoutes(shellNow: () => Shell | null): HttpRoute[] {
  const route = (
    method: HttpRoute["method"],
    path: string,
    answer: (shell: Shell) => HttpReply,
  ): HttpRoute => ({
    method,
    path,
    reply: () => {
      const shell = shellNow();
      return shell === null ? json({ starting: true }, 503) : answer(shell);
    },
  });
  return [
    route("GET", "/status", (shell) => json(shell.status)),
    route("GET", "/curve", (shell) => ({ type: "application/json", body: toJson(shell.journal.curve) })),
    route("GET", "/", (shell) => html(renderLivePage(shell.state.plan.spec))),
    route("POST", "/stop", (shell) => {
      shell.dispatch({ tag: "stop", reason: "asked to stop" });
      return json({ stopping: true });
    }),
  ];
}
