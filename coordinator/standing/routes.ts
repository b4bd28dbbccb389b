/** What a standing coordinator answers over HTTP: the run under way as a coordinator of one run does, and its queue. */
import { renderLivePage } from "../../dashboard/live-page.js";
import { renderQueuePage } from "../../dashboard/queue-page.js";
import { type HttpRoute, html, json } from "../../shared/http.js";
import { coordinatorRoutes } from "../routes.js";
import type { Shell } from "../shell.js";
import type { QueueService } from "./queue-service.js";

/** What the HTTP routes of a standing coordinator show. */
export interface StandingRouteOptions {
  readonly service: QueueService;
  /** The shell of the current run; null between two runs. */
  readonly shell: () => Shell | null;
  /** Workers may come, if only to wait. */
  readonly isReady: () => boolean;
}

/** The HTTP routes of a standing coordinator: the queue, and the current run's pages. */
export function standingRoutes({ service, shell, isReady }: StandingRouteOptions): HttpRoute[] {
  const waiting = () => ({ ...service.view, run: null, phase: "waiting", message: "no run is under way" });
  return [
    ...coordinatorRoutes(
      shell,
      {
        "/status": () => json(waiting()),
        "/": () => html(renderQueuePage()),
        "/readyz": () => (isReady() ? json({ ready: true }) : json({ ready: false }, 503)),
      },
      (spec) => renderLivePage(spec, true),
    ),
    { method: "GET", path: "/queue", reply: () => json(service.view) },
  ];
}
