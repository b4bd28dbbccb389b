/** What a standing coordinator answers over HTTP: the run under way as a coordinator of one run does, and its queue. */
import { renderLivePage } from "../../dashboard/live-page.js";
import { renderQueuePage } from "../../dashboard/queue-page.js";
import { type HttpRoute, html, json } from "../../shared/http.js";
import type { LifeSign } from "../../shared/status.js";
import { coordinatorRoutes, lifeSignOf } from "../routes.js";
import type { Shell } from "../shell.js";
import type { QueueService } from "./queue-service.js";

/** What the HTTP routes of a standing coordinator show. */
export interface StandingRouteOptions {
  readonly service: Pick<QueueService, "view">;
  /** The shell of the current run; null between two runs. */
  readonly shell: () => Shell | null;
  /** The number under which this coordinator holds the queue; null while it waits for it. */
  readonly holding: () => number | null;
}

/** Whether it lives is asked by others that want its run, and by others that want its queue. */
function lifeSign(shell: Shell | null, holding: number | null): LifeSign {
  const sign = shell === null ? { run: "", generation: 0, ended: false } : lifeSignOf(shell.status);
  return holding === null ? sign : { ...sign, queue: holding };
}

/** The HTTP routes of a standing coordinator: the queue, and the current run's pages. */
export function standingRoutes({ service, shell, holding }: StandingRouteOptions): HttpRoute[] {
  const waiting = () => ({ ...service.view, run: null, phase: "waiting", message: "no run is under way" });
  return [
    ...coordinatorRoutes(
      shell,
      {
        "/status": () => json(waiting()),
        "/": () => html(renderQueuePage()),
        "/readyz": () => (holding() === null ? json({ ready: false }, 503) : json({ ready: true })),
      },
      (spec) => renderLivePage(spec, true),
    ).filter(({ path }) => path !== "/alive"),
    { method: "GET", path: "/alive", role: null, reply: () => json(lifeSign(shell(), holding())) },
    { method: "GET", path: "/queue", reply: () => json(service.view) },
  ];
}
