/** The page of a standing coordinator between runs: who waits, and the run's own page as soon as one is under way. */
import { htmlDocument, inlineScript } from "./html-document.js";
import { markup } from "./markup.js";
import { tableScript } from "./table-script.js";

const script = `
(() => {
  ${tableScript}
  async function poll() {
    try {
      const { current, queue } = await (await fetch("/queue")).json();
      const status = await (await fetch("/status")).json();
      if (current !== null && status.run === current) return location.reload();
      showRows("queue", queue.map((entry) => [entry.run, entry.submittedAt, entry.by]));
      document.getElementById("message").textContent = queue.length === 0 ? "no runs wait" : "";
    } catch {
      document.getElementById("message").textContent = "the coordinator does not answer";
    }
    setTimeout(poll, 1000);
  }
  poll();
})();
`;

/** The page of a standing coordinator's queue. */
export function renderQueuePage(): string {
  return htmlDocument({
    title: "Queue · Trainyard",
    main: markup`<header><h1>Queue</h1><p class="faint"><span id="message"></span></p></header>
<section><div class="scroll"><table>
<thead><tr><th scope="row">run</th><th scope="row">handed in</th><th scope="row">by</th></tr></thead>
<tbody id="queue"></tbody></table></div></section>`,
    scripts: inlineScript(script),
  });
}
