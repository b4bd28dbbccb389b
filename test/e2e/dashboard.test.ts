import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type Page, chromium as playwright } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chartData } from "../../dashboard/chart-data.js";
import { renderLivePage } from "../../dashboard/live-page.js";
import { renderReport } from "../../dashboard/report.js";
import { html, json, startMetricsServer } from "../../shared/http.js";
import { coordinatorMetrics } from "../../shared/metrics.js";
import type { RunStatus } from "../../shared/status.js";
import { awkwardClasses, curve, result, spec } from "../support/dashboard/finished-run.js";
import { chromium } from "../support/parts.js";

let browser: Browser;
const folder = mkdtempSync(join(tmpdir(), "trainyard-report-"));

beforeAll(async () => {
  browser = await playwright.launch({
    executablePath: chromium(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** A fresh page and everything it complained about or asked the network for. */
async function openPage(url: string, colorScheme: "light" | "dark" = "light") {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1100, height: 800 } });
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests };
}

/** Pixels of a chart's canvas that are painted in about this colour. */
const paintedPixels = (page: Page, chart: string, colour: string): Promise<number> =>
  page.evaluate(`(() => {
    const canvas = document.querySelector("#${chart} canvas");
    if (canvas === null) return -1;
    const hex = getComputedStyle(document.documentElement).getPropertyValue("--${colour}").trim();
    const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const isNear = wanted.every((value, channel) => Math.abs(data[at + channel] - value) < 12);
      if (isNear && data[at + 3] > 200) count += 1;
    }
    return count;
  })()`);

describe("the report, opened from a file in Chromium", () => {
  const file = join(folder, "report.html");
  beforeAll(() => writeFileSync(file, renderReport({ spec, curve, result })));

  it.each(["light", "dark"] as const)(
    "draws its three charts in %s colours, without a complaint",
    async (scheme) => {
      const { page, complaints, requests } = await openPage(pathToFileURL(file).href, scheme);
      expect(complaints).toEqual([]);
      expect(await paintedPixels(page, "accuracy", "training")).toBeGreaterThan(100);
      expect(await paintedPixels(page, "accuracy", "validation")).toBeGreaterThan(100);
      expect(await paintedPixels(page, "loss", "validation")).toBeGreaterThan(100);
      expect(await paintedPixels(page, "steps", "training")).toBeGreaterThan(100);
      expect(requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"))).toEqual([]);
      await page.close();
    },
  );

  it("shows the numbers, and awkward names as they are", async () => {
    const { page } = await openPage(pathToFileURL(file).href);
    const text = await page.textContent("main");
    for (const part of ["84.50 %", "71.25 %", "all 3 epochs are done", "1,142,529", "cd".repeat(32)]) {
      expect(text).toContain(part);
    }
    const names = await page.locator("#confusion tbody th").allInnerTexts();
    expect(names).toEqual(awkwardClasses);
    expect(await page.locator("#confusion tbody tr").first().textContent()).toMatch(/4080\.0 %.*5080\.0 %$/s);
    expect(await page.locator("a").first().getAttribute("href")).toBe("export/tfjs/model.json");
    await page.close();
  });

  it("holds a run without validation images", async () => {
    const bare = {
      spec,
      curve: {
        ...curve,
        epochs: curve.epochs.map((row) => ({ ...row, validationLoss: null, validationAccuracy: null })),
      },
      result: { ...result, confusion: [], final: null, best: null },
    };
    writeFileSync(join(folder, "bare.html"), renderReport(bare));
    const { page, complaints } = await openPage(pathToFileURL(join(folder, "bare.html")).href);
    expect(await paintedPixels(page, "accuracy", "training")).toBeGreaterThan(100);
    expect(await page.locator("#confusion").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe("the live page", () => {
  it("shows status and curve as they come, and stops the run", async () => {
    let isStopped = false;
    const statusNow = (): RunStatus => ({
      run: spec.run,
      phase: isStopped ? "stopped" : "training",
      epoch: 1,
      epochs: 3,
      stepInEpoch: 4,
      stepsPerEpoch: 10,
      step: 14,
      steps: 30,
      loss: 0.5123,
      accuracy: 0.742,
      validation: { epoch: 0, loss: 0.6, accuracy: 0.715 },
      imagesPerSecond: 812.4,
      etaSeconds: 12,
      workers: [{ id: "<b>w1</b>", state: "computing", lanes: [0, 1] }],
    });
    const server = await startMetricsServer({
      registry: coordinatorMetrics().registry,
      port: 0,
      extraRoutes: [
        { method: "GET", path: "/", reply: () => html(renderLivePage(spec)) },
        { method: "GET", path: "/status", reply: () => json(statusNow()) },
        { method: "GET", path: "/curve", reply: () => json({ series: chartData(curve) }) },
        {
          method: "POST",
          path: "/stop",
          reply: () => {
            isStopped = true;
            return json({ stopping: true });
          },
        },
      ],
    });
    const { page, complaints } = await openPage(`http://${server.address}/`);
    await page.locator("#steps canvas").waitFor();
    expect(await page.textContent("#train-loss")).toBe("0.5123");
    expect(await page.textContent("#validation-accuracy")).toBe("71.50 %");
    expect(await page.textContent("#workers")).toContain("<b>w1</b>");
    expect(await paintedPixels(page, "accuracy", "validation")).toBeGreaterThan(100);
    page.on("dialog", (dialog) => void dialog.accept());
    await page.click("#stop");
    await expect.poll(() => page.textContent("#phase"), { timeout: 10_000 }).toBe("stopped");
    expect(isStopped).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
    await server.close();
  });
});
