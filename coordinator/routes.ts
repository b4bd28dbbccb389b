/** What the coordinator answers over HTTP besides metrics: how the run is, its curve so far, the page, and stop. */
import { renderLivePage } from "../dashboard/live-page.js";
import { toJson } from "../shared/curve.js";
import { type HttpRoute, html, json } from "../shared/http.js";
import type { Shell } from "./shell.js";

export function coordinatorRoutes(shell: Shell): HttpRoute[] {
  return [
    { method: "GET", path: "/status", reply: () => json(shell.status) },
    {
      method: "GET",
      path: "/curve",
      reply: () => ({ type: "application/json", body: toJson(shell.journal.curve) }),
    },
    { method: "GET", path: "/", reply: () => html(renderLivePage(shell.state.plan.spec)) },
    {
      method: "POST",
      path: "/stop",
      reply: () => {
        shell.dispatch({ tag: "stop", reason: "asked to stop" });
        return json({ stopping: true });
      },
    },
  ];
}
