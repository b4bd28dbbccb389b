/** The page that report and live view share. uPlot (MIT) is inlined from its package with its notice. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ChartData } from "./chart-data.js";
import { chartScript } from "./chart-script.js";
import { htmlDocument, inlineScript } from "./html-document.js";
import { jsonScript, type Markup, markup } from "./markup.js";

/** What a run's page shows. */
export interface PageParts {
  readonly title: string;
  readonly header: Markup;
  /** Below the charts. */
  readonly sections: readonly Markup[];
  readonly charts: ChartData;
  /** Plain JavaScript after the charts' own. */
  readonly script?: string;
}

const require = createRequire(import.meta.url);
const asset = (name: string) => readFileSync(require.resolve(`uplot/dist/${name}`), "utf8");

/** A run's page. */
export function renderPage(parts: PageParts): string {
  const scripts = [asset("uPlot.iife.min.js"), chartScript, parts.script ?? ""];
  return htmlDocument({
    title: parts.title,
    style: asset("uPlot.min.css"),
    main: markup`${parts.header}
<div class="charts">
<figure><figcaption>Accuracy by epoch</figcaption><div id="accuracy" class="chart"></div></figure>
<figure><figcaption>Loss by epoch</figcaption><div id="loss" class="chart"></div></figure>
<figure class="wide"><figcaption>Training loss by step</figcaption><div id="steps" class="chart"></div></figure>
</div>
${parts.sections}`,
    scripts: markup`${jsonScript("chart-data", parts.charts)}
${scripts.map(inlineScript)}`,
  });
}
