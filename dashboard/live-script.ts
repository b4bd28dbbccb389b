/**
 * The live page's own script, inlined: status every second, curve after each new step, at most every two seconds.
 * Text goes in as text, never as markup. The curve comes as the charts draw it (chart-data.ts).
 */
import { tableScript } from "./table-script.js";

/** The script of the live page. */
export const liveScript = `
(() => {
  const put = (id, text) => { document.getElementById(id).textContent = text; };
  const percent = (value) => (value == null ? "–" : (value * 100).toFixed(2) + " %");
  const ended = ["finished", "failed", "stopped"];
  let shownStep = -1;

  ${tableScript}
  function showStatus(status) {
    put("phase", status.phase);
    put("message", status.message ? "· " + status.message : "");
    const { atRisk } = status;
    put("at-risk", atRisk == null ? "" : "Checkpoints can't be written: " + atRisk.steps + " steps, " +
      Math.round(atRisk.seconds) + " s of work, are only in memory (" + atRisk.reason + ")");
    put("epoch", Math.min(status.epoch + 1, status.epochs) + " / " + status.epochs);
    put("step", status.stepInEpoch + " / " + status.stepsPerEpoch);
    put("train-loss", status.loss == null ? "–" : status.loss.toFixed(4));
    put("train-accuracy", percent(status.accuracy));
    put("validation-accuracy", percent(status.validation?.accuracy));
    put("speed", status.imagesPerSecond == null ? "–" : Math.round(status.imagesPerSecond));
    put("eta", status.etaSeconds == null || ended.includes(status.phase) ? "–" : Math.round(status.etaSeconds) + " s");
    showRows("workers", status.workers.map(({ id, state, lanes }) => [id, state, lanes.join(", ")]));
    document.getElementById("stop").disabled = ended.includes(status.phase);
  }
  /** Only a standing coordinator has one. */
  async function showQueue() {
    if (document.getElementById("queue") === null) return;
    const waiting = (await (await fetch("/queue")).json()).queue.slice(1).map((entry) => entry.run);
    put("queue", waiting.length === 0 ? "" : "· then " + waiting.join(", "));
  }
  async function poll() {
    let pauseMs = 1000;
    try {
      const status = await (await fetch("/status")).json();
      // A standing coordinator has another run by now, or none.
      if ("run" in status && status.run !== document.querySelector("h1").textContent) return location.reload();
      await showQueue();
      showStatus(status);
      if (status.step !== shownStep || ended.includes(status.phase)) {
        globalThis.trainyardDraw((await (await fetch("/curve")).json()).series);
        shownStep = status.step;
        pauseMs = 2000;
      }
      if (ended.includes(status.phase)) return;
    } catch {
      put("message", "· the coordinator does not answer");
    }
    setTimeout(poll, pauseMs);
  }
  document.getElementById("stop").addEventListener("click", async () => {
    if (!confirm("Stop this run after the step in progress?")) return;
    await fetch("/stop", { method: "POST", headers: { "x-trainyard": "stop" } }).catch(() => undefined);
  });
  poll();
})();
`;
