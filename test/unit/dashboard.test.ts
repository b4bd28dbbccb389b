import fc from "fast-check";
import { expect, it } from "vitest";
import { MovingAverage } from "../../dashboard/chart-data.js";
import { jsonScript, markup } from "../../dashboard/markup.js";
import { renderReport } from "../../dashboard/report.js";
import { escapeHtml } from "../../shared/html.js";
import { curve, result, spec } from "../support/dashboard/finished-run.js";

it("a value in a template is text, markup stays markup, nothing is nothing", () => {
  expect(markup`<p title="${`"'&<>`}">${markup`<b>${1}</b>`}${null}${false}${["a", "<"]}</p>`.html).toBe(
    '<p title="&quot;&#39;&amp;&lt;&gt;"><b>1</b>a&lt;</p>',
  );
});

it("no text, whatever it is, leaves a markup character behind", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(escapeHtml(text)).not.toMatch(/[<>"']/);
    }),
  );
});

it("a script's JSON can't end its element, and comes back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const element = jsonScript("id", { text: `</script><!--${text}` }).html;
      const json = element.replace(/^<script[^>]*>/, "").replace(/<\/script>$/, "");
      expect(json).not.toContain("<");
      expect(JSON.parse(json)).toEqual({ text: `</script><!--${text}` });
    }),
  );
});

it("a run's and a class' name never reach the report as markup", () => {
  const evil = `<img src=x onerror="alert(1)"></script><script>`;
  const named = {
    ...spec,
    run: evil,
    classes: [evil, "b", "c", "d"],
    dataset: { ...spec.dataset, name: evil },
  };
  const page = renderReport({ spec: named, curve, result: { ...result, run: evil, reason: evil } });
  expect(page).not.toContain("<img");
  expect(page.match(/<script/g)).toHaveLength(4);
});

it("a report has a dash for what was not measured, and for a loss that is not finite, never a zero", () => {
  const [first] = curve.epochs;
  if (first === undefined) throw new Error("the curve has no epoch");
  const none = { loss: null, accuracy: null, imagesPerSecond: null };
  const row = { ...first, ...none, validationLoss: Number.NaN, validationAccuracy: null };
  const final = { ...row, validationLoss: null };
  const page = renderReport({
    spec,
    curve: { ...curve, epochs: [row] },
    result: { ...result, final, best: null, imagesPerSecond: null, weightsSha256: "" },
  });
  const cells = [...page.matchAll(/<td>([^<]*)<\/td>/g)].map(([, text]) => text);
  const at = cells.indexOf(String(row.learningRate));
  expect(cells.slice(at - 4, at)).toEqual(["–", "–", "–", "–"]);
  expect(cells[at + 2]).toBe("–");
  expect(page).toContain("<b>–</b><span>validation accuracy, last epoch</span>");
  expect(page).toContain("<b>–</b><span>images per second</span>");
  expect(page).toContain("<code>–</code>");
  expect(page).not.toContain("NaN %");
});

it("smoothing starts at the first value, without the bias of its start, and keeps gaps", () => {
  const average = new MovingAverage();
  const smoothed = [2, null, 2, 4].map((value) => average.next(value));
  expect(smoothed.slice(0, 2)).toEqual([2, null]);
  expect(smoothed[2]).toBeCloseTo(2, 12);
  expect(smoothed[3]).toBeGreaterThan(2);
  expect(smoothed[3]).toBeLessThan(3);
});
