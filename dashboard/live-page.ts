/** The page that a coordinator serves while it trains: the report's charts, asking /status and /curve for news. */
import type { RunSpec } from "../shared/spec.js";
import { chartData } from "./chart-data.js";
import { factTable, specFacts } from "./facts.js";
import { liveScript } from "./live-script.js";
import { markup } from "./markup.js";
import { renderPage } from "./page.js";

const figures = [
  ["epoch", "epoch"],
  ["step", "step of the epoch"],
  ["train-loss", "training loss"],
  ["train-accuracy", "training accuracy"],
  ["validation-accuracy", "validation accuracy"],
  ["speed", "images per second"],
  ["eta", "to go"],
] as const;

/** `hasQueue`: of a standing coordinator, which says what comes next. */
export function renderLivePage(spec: RunSpec, hasQueue = false): string {
  return renderPage({
    title: `${spec.run} · Trainyard`,
    header: markup`<header>
<h1>${spec.run}</h1>
<p class="warning" id="at-risk"></p>
<p class="faint"><span id="phase">connecting</span> <span id="message"></span>${hasQueue ? markup` <span id="queue"></span>` : ""}</p>
</header>
<ul class="figures">${figures.map(([id, what]) => markup`<li><b id="${id}">–</b><span>${what}</span></li>`)}</ul>`,
    charts: chartData({ epochs: [], steps: [] }),
    sections: [
      markup`<section><h2>Workers</h2><div class="scroll"><table>
<thead><tr><th scope="row">worker</th><th scope="row">state</th><th scope="row">lanes</th></tr></thead>
<tbody id="workers"></tbody></table></div></section>`,
      markup`<section><h2>The run</h2><div class="scroll">${factTable(specFacts(spec))}</div>
<p style="margin-top: 20px"><button id="stop" type="button">Stop this run</button></p></section>`,
    ],
    script: liveScript,
  });
}
