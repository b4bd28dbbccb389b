/**
 * What the coordinator answers over HTTP besides metrics: how the run is, its curve so far, the page, and stop. While
 * the run is still being read it answers that it is starting.
 */
import { renderLivePage } from "../dashboard/live-page.js";
import { toJson } from "../shared/curve.js";
import { type HttpReply, type HttpRoute, html, json } from "../shared/http.js";
import type { RunSpec } from "../shared/spec.js";
import { hasEnded, type LifeSign, type RunStatus } from "../shared/status.js";
import type { Shell } from "./shell.js";

/** The part of the status that another coordinator needs before it takes a run. It has no token, so it gets no more. */
const aliveOf = ({ run, generation, phase }: RunStatus): LifeSign => ({
  run,
  generation: generation ?? 0,
  ended: hasEnded(phase),
});

/** `shellNow`: null until the run has been read. `without`: what is answered by path until then; `page`: the run's. */
export function coordinatorRoutes(
  shellNow: () => Shell | null,
  without: Readonly<Record<string, () => HttpReply>> = {},
  page = (spec: RunSpec) => renderLivePage(spec),
): HttpRoute[] {
  const route = (
    method: HttpRoute["method"],
    path: string,
    answer: (shell: Shell) => HttpReply,
    who: Pick<HttpRoute, "role"> = {},
  ): HttpRoute => ({
    method,
    path,
    ...who,
    reply: () => {
      const shell = shellNow();
      return shell === null ? (without[path]?.() ?? json({ starting: true }, 503)) : answer(shell);
    },
  });
  return [
    route("GET", "/readyz", () => json({ ready: true }), { role: null }),
    route("GET", "/alive", (shell) => json(aliveOf(shell.status)), { role: null }),
    route("GET", "/status", (shell) => json(shell.status)),
    route("GET", "/curve", (shell) => ({ type: "application/json", body: toJson(shell.journal.curve) })),
    route("GET", "/", (shell) => html(page(shell.state.run.dimensions.spec))),
    route("POST", "/stop", (shell) => {
      shell.dispatch({ tag: "stop", reason: "asked to stop" });
      return json({ stopping: true });
    }),
  ];
}
