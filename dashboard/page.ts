/**
 * The page that report and live view share: one file without network, readable in light and dark. uPlot (MIT) is
 * inlined from its package with its notice.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ChartData } from "./chart-data.js";
import { chartScript } from "./chart-script.js";
import { jsonScript, Markup, markup } from "./markup.js";
import { styleSheet } from "./style-sheet.js";

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

/** No byte comes from elsewhere; the live page asks its own coordinator only. */
const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";

export function renderPage(parts: PageParts): string {
  const scripts = [asset("uPlot.iife.min.js"), chartScript, parts.script ?? ""];
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${parts.title}</title>
<style>${new Markup(asset("uPlot.min.css") + styleSheet)}</style>
</head>
<body>
<main>
${parts.header}
<div class="charts">
<figure><figcaption>Accuracy by epoch</figcaption><div id="accuracy" class="chart"></div></figure>
<figure><figcaption>Loss by epoch</figcaption><div id="loss" class="chart"></div></figure>
<figure class="wide"><figcaption>Training loss by step</figcaption><div id="steps" class="chart"></div></figure>
</div>
${parts.sections}
</main>
${jsonScript("chart-data", parts.charts)}
${scripts.map((script) => new Markup(`<script>${script}</script>\n`))}</body>
</html>
`.html;
}
