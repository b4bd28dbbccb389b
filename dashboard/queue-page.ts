/** The page of a standing coordinator between runs: who waits, and the run's own page as soon as one is under way. */
import { Markup, markup } from "./markup.js";
import { styleSheet } from "./style-sheet.js";

const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:";

/** Text goes in as text, never as markup. */
const script = `
(() => {
  async function poll() {
    try {
      const { current, queue } = await (await fetch("/queue")).json();
      const status = await (await fetch("/status")).json();
      if (current !== null && status.run === current) return location.reload();
      const rows = queue.map((entry) => {
        const row = document.createElement("tr");
        for (const text of [entry.run, entry.submittedAt, entry.by]) {
          const cell = document.createElement("th");
          cell.scope = "row";
          cell.textContent = text;
          row.append(cell);
        }
        return row;
      });
      document.getElementById("queue").replaceChildren(...rows);
      document.getElementById("message").textContent = queue.length === 0 ? "no runs wait" : "";
    } catch {
      document.getElementById("message").textContent = "the coordinator does not answer";
    }
    setTimeout(poll, 1000);
  }
  poll();
})();
`;

export function renderQueuePage(): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>Queue · Trainyard</title>
<style>${new Markup(styleSheet)}</style>
</head>
<body>
<main>
<header><h1>Queue</h1><p class="faint"><span id="message"></span></p></header>
<section><div class="scroll"><table>
<thead><tr><th scope="row">run</th><th scope="row">handed in</th><th scope="row">by</th></tr></thead>
<tbody id="queue"></tbody></table></div></section>
</main>
<script>${new Markup(script)}</script>
</body>
</html>
`.html;
}
