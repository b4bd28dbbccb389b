/**
 * `runs/<run>/report.html`: one file that opens without network and shows a finished run: accuracy and loss,
 * the confusion matrix, what it was, and links to what it left behind (relative to the report's own place).
 */
import { relative } from "node:path/posix";
import type { CurveRows } from "../shared/curve.js";
import { decimals, percent, whole } from "../shared/readable-numbers.js";
import type { RunResult } from "../shared/result.js";
import type { RunSpec } from "../shared/spec.js";
import { type ChartData, chartData } from "./chart-data.js";
import { confusionTable } from "./confusion.js";
import { factTable, resultFacts, specFacts } from "./facts.js";
import { type Markup, markup } from "./markup.js";
import { renderPage } from "./page.js";

/** What a finished run's report shows. */
export interface ReportInput {
  readonly spec: RunSpec;
  readonly curve: CurveRows;
  /** The charts' series. Default: made from the curve. */
  readonly charts?: ChartData;
  readonly result: RunResult;
  /** Where the report lies, below `runs/<run>/`. Default: right there. */
  readonly folder?: string;
}

/** The report of a finished run: one HTML file that needs no other. */
export function renderReport({ spec, curve, charts, result, folder = "" }: ReportInput): string {
  return renderPage({
    title: `${spec.run} · Trainyard`,
    header: markup`${titleOf(spec, result)}${figuresOf(result)}`,
    charts: charts ?? chartData(curve),
    sections: [
      confusionTable(spec.classes, result.confusion) ?? markup``,
      markup`<section><h2>The run</h2><div class="scroll">${factTable([...specFacts(spec), ...resultFacts(result)])}</div></section>`,
      epochTable(curve),
      filesOf(result, folder),
    ],
  });
}

const titleOf = (spec: RunSpec, result: RunResult): Markup => markup`<header>
<h1>${spec.run}</h1>
<p class="faint">${result.outcome}: ${result.reason} · data set ${spec.dataset.name} · model ${spec.model.name}</p>
</header>`;

function figuresOf({ final, best, epochs, seconds, imagesPerSecond, workersSeen }: RunResult): Markup {
  const figures: (readonly [string, string])[] = [
    [percent(final?.validationAccuracy), "validation accuracy, last epoch"],
    [percent(final?.accuracy), "training accuracy, last epoch"],
  ];
  if (best !== null)
    figures.push([percent(best.validationAccuracy ?? best.accuracy), `best, epoch ${best.epoch + 1}`]);
  figures.push([String(epochs), "epochs"], [`${Math.round(seconds)} s`, "in all"]);
  figures.push([whole(imagesPerSecond), "images per second"]);
  figures.push([String(workersSeen), workersSeen === 1 ? "worker" : "workers"]);
  return markup`<ul class="figures">${figures.map(([value, what]) => markup`<li><b>${value}</b><span>${what}</span></li>`)}</ul>`;
}

function epochTable({ epochs }: CurveRows): Markup {
  const rows = epochs.map(
    (
      row,
    ) => markup`<tr><td>${row.epoch + 1}</td><td>${decimals(row.loss)}</td><td>${percent(row.accuracy)}</td>
<td>${decimals(row.validationLoss)}</td><td>${percent(row.validationAccuracy)}</td><td>${String(row.learningRate)}</td>
<td>${row.seconds.toFixed(1)}</td><td>${whole(row.imagesPerSecond)}</td></tr>\n`,
  );
  return markup`<section><h2>Epochs</h2><div class="scroll"><table>
<thead><tr><th>epoch</th><th>loss</th><th>accuracy</th><th>validation loss</th><th>validation accuracy</th>
<th>learning rate</th><th>seconds</th><th>images/s</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function filesOf({ exported }: RunResult, folder: string): Markup {
  const exports = (exported?.paths ?? []).map((path) => relative(folder, path));
  const paths = [...exports, "curve.csv", "curve-steps.csv", "curve.json", "result.json"];
  const href = (path: string) => path.split("/").map(encodeURIComponent).join("/");
  return markup`<section><h2>Files</h2>
<ul>${paths.map((path) => markup`<li><a href="${href(path)}">${path}</a></li>`)}</ul></section>`;
}
