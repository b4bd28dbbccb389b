/**
 * What the coordinator answers over HTTP besides metrics: how the run is, its curve so far, the page, and stop. While
 * the run is still being read it answers that it is starting.
 */
import { renderLivePage } from "../dashboard/live-page.js";
import { type HttpReply, type HttpRoute, html, json } from "../shared/http.js";
import type { RunSpec } from "../shared/spec.js";
import { hasEnded, type LifeSign, type RunStatus } from "../shared/status.js";
import type { RowRange } from "./curve/curve-record.js";
import type { Shell } from "./shell.js";

/** The part of the status that another coordinator needs before it takes a run. It has no token, so it gets no more. */
export const lifeSignOf = ({ run, generation, phase }: RunStatus): LifeSign => ({
  run,
  generation: generation ?? 0,
  ended: hasEnded(phase),
});

const encodedJson = (body: string): HttpReply => ({ type: "application/json", body });

/** The answer to a question for exact rows; a sentence when the question names no range. */
function rows(query: URLSearchParams, textOf: (range: RowRange) => string): HttpReply {
  const range = rangeOf(query);
  if (range !== null) return encodedJson(textOf(range));
  const sentence =
    "from and to must be whole numbers of 0 or more, as in ?from=1000&to=1200 (1200 is not included)";
  return json({ error: sentence }, 400);
}

/** The range that `from` and `to` name, by default all rows; null when one of them is not a whole number. */
function rangeOf(query: URLSearchParams): RowRange | null {
  const [from, to] = [query.get("from") ?? "0", query.get("to") ?? String(Number.MAX_SAFE_INTEGER)];
  if (!/^\d{1,16}$/.test(from) || !/^\d{1,16}$/.test(to)) return null;
  return { from: Number(from), to: Number(to) };
}

/** `shellNow`: null until the run has been read. `without`: what is answered by path until then; `page`: the run's. */
export function coordinatorRoutes(
  shellNow: () => Shell | null,
  without: Readonly<Record<string, () => HttpReply>> = {},
  page = (spec: RunSpec) => renderLivePage(spec),
): HttpRoute[] {
  const route = (
    method: HttpRoute["method"],
    path: string,
    answer: (shell: Shell, query: URLSearchParams) => HttpReply,
    who: Pick<HttpRoute, "role"> = {},
  ): HttpRoute => ({
    method,
    path,
    ...who,
    reply: (query) => {
      const shell = shellNow();
      return shell === null ? (without[path]?.() ?? json({ starting: true }, 503)) : answer(shell, query);
    },
  });
  return [
    route("GET", "/readyz", () => json({ ready: true }), { role: null }),
    route("GET", "/alive", (shell) => json(lifeSignOf(shell.status)), { role: null }),
    route("GET", "/status", (shell) => json(shell.status)),
    route("GET", "/curve", ({ journal }) => encodedJson(journal.curve.overviewText)),
    route("GET", "/curve/steps", ({ journal }, query) =>
      rows(query, (range) => journal.curve.stepsText(range)),
    ),
    route("GET", "/curve/epochs", ({ journal }, query) =>
      rows(query, (range) => journal.curve.epochsText(range)),
    ),
    route("GET", "/", (shell) => html(page(shell.state.run.dimensions.spec))),
    route("POST", "/stop", (shell) => {
      shell.dispatch({ tag: "stop", reason: "asked to stop" });
      return json({ stopping: true });
    }),
  ];
}
