/**
 * Traces of real processes: spans of coordinator and workers meet in one trace a step at a real OTLP collector. Switched
 * off, nothing of OpenTelemetry is loaded; with a collector that hangs a run ends as any other. The bits are the same.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isTraced } from "../../coordinator/observability/run-traces.js";
import { TestCluster } from "../support/cluster.js";
import { type CollectedSpan, type Collector, startCollector } from "../support/collector.js";
import { flat, writeTree } from "../support/images.js";
import { type Ended, runProgram, scratch } from "../support/program.js";
import { finishedRun } from "../support/reference-run.js";

const { folder, remove } = scratch();
const options = { cwd: folder, store: `file:${join(folder, ".trainyard")}` };
const flags = [
  "--model",
  "digits",
  "--image-size",
  "16",
  "--batch-size",
  "16",
  "--lanes",
  "4",
  "--seed",
  "3",
];
const lanes = [0, 1, 2, 3];

beforeAll(async () => {
  const files: Record<string, Buffer> = {};
  for (const [label, name] of ["dark", "light"].entries()) {
    for (let image = 0; image < 32; image += 1) {
      const level = 150 * label + 2 * image;
      files[`shades/${name}/${image}.png`] = await flat({ r: level, g: level, b: level }).png().toBuffer();
    }
  }
  await writeTree(folder, files);
  expect(await runProgram(["import", "shades"], options)).toMatchObject({ code: 0 });
}, 300_000);
afterAll(remove);

const spansIn = (collector: Collector, name: string, service = "coordinator"): CollectedSpan[] =>
  collector.spans.filter((span) => span.name === name && span.service === `trainyard-${service}`);
const below = (collector: Collector, { spanId }: CollectedSpan): CollectedSpan[] =>
  collector.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
const of = (span: CollectedSpan, attribute: string) => span.attributes[`trainyard.${attribute}`];
const sorted = (values: readonly unknown[]) => values.map(Number).sort((a, b) => a - b);

describe("a coordinator and two workers that trace half of the steps, told to stop,", () => {
  let collector: Collector;
  let lastStep = 0;

  beforeAll(async () => {
    collector = await startCollector();
    const trace = ["--trace", collector.url];
    const run = ["--run", "halves", ...flags, "--epochs", "5000", ...trace, "--trace-ratio", "0.5"];
    const cluster = await TestCluster.start("shades", run, options);
    try {
      for (const id of ["a", "b"]) cluster.worker(id, cluster.ready.address, trace);
      const together = await cluster.until("lanes of both", ({ workers }) => {
        return workers.filter((worker) => worker.lanes.length > 0).length === 2;
      });
      await cluster.until("more steps", ({ step }) => step > together.step + 20);
      cluster.signalCoordinator("SIGTERM");
      expect(await cluster.coordinatorEnd).toMatchObject({ code: 3 });
      for (const id of ["a", "b"]) expect(await cluster.end(id)).toMatchObject({ code: 3 });
      const record = readFileSync(join(folder, ".trainyard/runs/halves/ends/1.json"), "utf8");
      lastStep = (JSON.parse(record) as { status: { step: number } }).status.step;
    } finally {
      await cluster.close();
    }
  }, 300_000);
  afterAll(() => collector.close());

  it("send a trace for each step that run and number name, the last ones too, and for no other", () => {
    const traced = spansIn(collector, "step").map((span) => Number(of(span, "step")));
    const expected = Array.from({ length: lastStep + 1 }, (_, step) => step).filter((step) =>
      isTraced("halves", step, 0.5),
    );
    // The step under way is given up when the run stops; it may not have been begun.
    const committed = (steps: readonly number[]) => sorted(steps.filter((step) => step < lastStep));
    expect(committed(traced)).toEqual(committed(expected));
    expect(expected).toEqual(expect.arrayContaining(traced));
    expect(new Set(spansIn(collector, "step").map(({ traceId }) => traceId)).size).toBe(traced.length);
  });

  it("have the workers' spans below the coordinator's of the same step, every lane's among them", () => {
    const isCommitted = (span: CollectedSpan) => Number(of(span, "step")) < lastStep;
    for (const step of spansIn(collector, "step").filter(isCommitted)) {
      const parts = below(collector, step);
      const named = (name: string) => parts.filter((part) => part.name === name);
      expect(parts.every(({ traceId }) => traceId === step.traceId)).toBe(true);
      expect([named("gather").length, named("commit").length]).toEqual([1, 1]);
      expect(step.attributes).toMatchObject({ "trainyard.run": "halves", "trainyard.decision": "apply" });
      for (const gradients of named("gradients")) {
        expect(gradients.service).toBe("trainyard-worker");
        expect(of(gradients, "step")).toBe(of(step, "step"));
        expect(of(gradients, "worker")).toMatch(/^[ab]$/);
      }
      const computed = named("gradients")
        .flatMap((gradients) => below(collector, gradients))
        .filter(({ name }) => name === "compute");
      expect([...new Set(sorted(computed.map((span) => of(span, "lane"))))]).toEqual(lanes);
    }
    const workersOf = (step: CollectedSpan) =>
      new Set(
        below(collector, step)
          .filter(({ name }) => name === "gradients")
          .map((span) => of(span, "worker")),
      );
    expect(spansIn(collector, "step").some((step) => workersOf(step).size === 2)).toBe(true);
  });

  it("tell what a worker does for a step, and nothing that has no place", () => {
    const names = spansIn(collector, "gradients", "worker").flatMap((span) =>
      below(collector, span).map(({ name }) => name),
    );
    expect([...new Set(names)].sort()).toEqual(["batch.wait", "compute", "upload", "weights.wait"]);
    const ids = new Set(collector.spans.map(({ spanId }) => spanId));
    const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === "");
    expect(roots.every(({ service }) => service === "trainyard-coordinator")).toBe(true);
    expect(collector.spans.every(({ parentSpanId: id }) => id === "" || ids.has(id))).toBe(true);
    expect(collector.spans.some(({ hasFailed }) => hasFailed)).toBe(false);
  });
});

const log = (run: string, name: string) =>
  readFileSync(join(folder, `.trainyard/logs/${run}/${name}.log`), "utf8");
const epochs = ["--epochs", "2", "--workers", "2"];
const train = (run: string, more: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  runProgram(["train", "shades", "--run", run, ...flags, ...epochs, ...more], { ...options, env });

/** Trains, and says which processes loaded OpenTelemetry: names of programs. */
async function trainWatched(run: string, more: readonly string[], env: Record<string, string> = {}) {
  const seen = join(folder, `modules-${run}`);
  mkdirSync(seen);
  const preload = pathToFileURL(resolve("test/support/loaded-modules.mjs")).href;
  const watched = { NODE_OPTIONS: `--import=${preload}`, TEST_MODULES_FOLDER: seen };
  expect(await train(run, more, { ...env, ...watched })).toMatchObject({ code: 0 });
  const roles = (files: readonly string[]) => [...new Set(files.map((file) => file.split("-")[0]))].sort();
  const files = readdirSync(seen);
  // prom-client requires the API, for exemplars; what makes and sends spans lies in the other packages.
  const machinery = /\/@opentelemetry\/(?!api\/)/;
  const loaders = files.filter((file) => machinery.test(readFileSync(join(seen, file), "utf8")));
  return { programs: roles(files), loaders: roles(loaders) };
}

describe("train", () => {
  it("passes --trace on; evaluations, checkpoints and the export are traced, and no bit changes without it", async () => {
    const collector = await startCollector();
    try {
      const traced = await trainWatched("traced", ["--trace", collector.url, "--trace-ratio", "1"]);
      // Others are threads: they load it in no case.
      const programs = expect.arrayContaining(["coordinator", "train", "worker"]);
      expect(traced).toEqual({ programs, loaders: ["coordinator", "worker"] });
      const { curve, result } = await finishedRun("traced", options);
      expect(spansIn(collector, "step")).toHaveLength(curve.steps.length);
      for (const name of ["initialise", "export"]) {
        expect(
          spansIn(collector, name).map((span) => below(collector, span).map((child) => child.name)),
        ).toEqual([[name]]);
      }
      const evaluations = spansIn(collector, "evaluate");
      expect(sorted(evaluations.map((span) => of(span, "epoch")))).toEqual([0, 1]);
      for (const evaluation of evaluations) expect(below(collector, evaluation).length).toBeGreaterThan(0);
      expect(spansIn(collector, "checkpoint").map((span) => of(span, "checkpoint"))).toContain("1-0");

      const { connections } = collector;
      // What OpenTelemetry itself would take for a collector switches nothing on.
      const untraced = await trainWatched("untraced", [], { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      expect(untraced).toEqual({ programs, loaders: [] });
      expect(collector.connections).toBe(connections);
      const other = await finishedRun("untraced", options);
      expect(other.result.weightsSha256).toBe(result.weightsSha256);
      expect(other.curve.steps.map(({ crc32c }) => crc32c)).toEqual(curve.steps.map(({ crc32c }) => crc32c));
    } finally {
      await collector.close();
    }
  }, 300_000);

  it("ends as ever with a collector that never answers, and says once in each process that spans are lost", async () => {
    const mute = await startCollector({ isMute: true });
    try {
      expect(await train("muted", ["--trace", mute.url, "--trace-ratio", "1"])).toMatchObject({ code: 0 });
      expect(mute.connections).toBeGreaterThan(0);
      expect(log("muted", "coordinator").split("spans don't reach")).toHaveLength(2);
      for (const worker of ["worker-1", "worker-2"]) {
        expect(log("muted", worker).split("spans don't reach").length).toBeLessThanOrEqual(2);
      }
    } finally {
      await mute.close();
    }
  }, 300_000);

  it("refuses an address that is none before anything is made", async () => {
    const { code, stderr } = await train("refused", ["--trace", "collector:4318"]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--trace must be an http or https URL"),
    });
    expect(readdirSync(join(folder, ".trainyard/runs"))).not.toContain("refused");
  }, 300_000);
});
