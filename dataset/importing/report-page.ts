/**
 * The report of an import: an HTML page in one file that shows what the data set contains and what was left out. All
 * names on it come from the user's disk, so all are escaped.
 */
import { escapeHtml } from "../../shared/html.js";
import type { Manifest } from "../manifest.js";
import type { Thumbnails } from "./thumbnails.js";

/** Most rejected files that the page lists. The others are only counted; the manifest lists them all. */
const mostRejected = 1_000;

/** Renders the whole page. */
export function renderReport(manifest: Manifest, thumbnails: Thumbnails, advice: readonly string[]): string {
  const { name, hash, rejected, warnings, ignored } = manifest;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(name)}: data set</title>
<style>${style}</style>
<h1>${escapeHtml(name)}</h1>
<p>${summary(manifest)}<br><small>hash <code>${escapeHtml(hash)}</code></small></p>
${notes("Warnings", warnings)}${notes("Advice", advice)}
<h2>Classes</h2>
${classTable(manifest, thumbnails)}
${sizeTable(manifest)}
${rejectedTable(rejected)}
${ignoredTable(ignored)}
</html>
`;
}

const style = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
h1 { margin-bottom: 0 } h2 { margin-top: 2rem; font-size: 1.15rem } small, .quiet { color: #5a6370 }
code { overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #e3e6ea; vertical-align: top; overflow-wrap: anywhere }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td.bars { width: 30% } .bar { display: flex; height: .8rem; margin-top: .35rem }
.train { background: #2f6fde } .validation { background: #f0a030 }
.key { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .8rem }
img { height: 48px; margin-right: 3px; vertical-align: middle }
ul.warnings { background: #fff6e5; padding: .7rem .7rem .7rem 2rem }
`;

const count = (number: number) => number.toLocaleString("en");

function summary({ splits, classes, grey, formats }: Manifest): string {
  const shards = [...splits.train.shards, ...splits.validation.shards];
  const megabytes = shards.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  return [
    `${count(splits.train.samples)} images for training, ${count(splits.validation.samples)} for validation`,
    `${classes.length} classes`,
    grey ? "all grey" : "colour",
    Object.entries(formats ?? {})
      .map(([format, images]) => `${count(images)} ${format}`)
      .join(", "),
    `${megabytes.toFixed(1)} MB in ${shards.length} ${shards.length === 1 ? "shard" : "shards"}`,
  ].join(" · ");
}

function notes(title: string, sentences: readonly string[]): string {
  if (sentences.length === 0) return "";
  const items = sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join("");
  return `<h2>${title}</h2><ul class="warnings">${items}</ul>\n`;
}

function classTable({ classes, counts }: Manifest, thumbnails: Thumbnails): string {
  const totals = classes.map((_, label) => (counts.train[label] ?? 0) + (counts.validation[label] ?? 0));
  const most = Math.max(1, ...totals);
  const rows = classes.map((name, label) => {
    const [train, validation] = [counts.train[label] ?? 0, counts.validation[label] ?? 0];
    const bar = (split: string, images: number) =>
      `<span class="${split}" style="width:${((100 * images) / most).toFixed(2)}%"></span>`;
    return `<tr><td class="number quiet">${label}</td><td>${escapeHtml(name)}</td>
<td class="number">${count(train)}</td><td class="number">${count(validation)}</td>
<td class="bars"><div class="bar">${bar("train", train)}${bar("validation", validation)}</div></td>
<td>${(thumbnails.get(name) ?? []).map((uri) => `<img alt="" src="${uri}">`).join("")}</td></tr>`;
  });
  return `<p class="quiet"><span class="key train"></span>training<span class="key validation"></span>validation</p>
<table><tr><th class="number">Label</th><th>Class</th><th class="number">Training</th><th class="number">Validation</th><th></th><th></th></tr>
${rows.join("\n")}</table>`;
}

function sizeTable({ sizes }: Manifest): string {
  const rows = (["smallest", "median", "largest"] as const).map((which) => {
    const [height, width] = sizes[which];
    return `<tr><td>${which}</td><td>${count(width)} × ${count(height)}</td></tr>`;
  });
  return `<h2>Sizes, upright, width × height</h2><table>${rows.join("")}</table>`;
}

function rejectedTable(rejected: Manifest["rejected"]): string {
  if (rejected.length === 0) return "<h2>Rejected</h2><p>No file was rejected.</p>";
  const rows = rejected
    .slice(0, mostRejected)
    .map(({ source, reason }) => `<tr><td>${escapeHtml(source)}</td><td>${escapeHtml(reason)}</td></tr>`);
  const more =
    rejected.length > mostRejected ? `<p>and ${count(rejected.length - mostRejected)} more</p>` : "";
  return `<h2>Rejected: ${count(rejected.length)}</h2><table>${rows.join("\n")}</table>${more}`;
}

function ignoredTable(ignored: Manifest["ignored"]): string {
  const entries = Object.entries(ignored);
  if (entries.length === 0) return "";
  const rows = entries.map(
    ([reason, files]) => `<tr><td>${escapeHtml(reason)}</td><td class="number">${count(files)}</td></tr>`,
  );
  return `<h2>Ignored, by reason</h2><table>${rows.join("")}</table>`;
}
