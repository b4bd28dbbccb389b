/** Which steps are traced, which spans the coordinator's effects become, and how they go out over OTLP. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Effect, StepRow } from "../../coordinator/core/events.js";
import { isTraced, RunTraces } from "../../coordinator/observability/run-traces.js";
import { TrainyardError } from "../../shared/errors.js";
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import { OpenTelemetryTracer } from "../../shared/open-telemetry.js";
import { commandSettings } from "../../shared/settings/command-settings.js";
import { parseValue } from "../../shared/settings/value.js";
import { noSpan, noTracer, type Tracer, traced } from "../../shared/tracing.js";
import { type Collector, startCollector } from "../support/collector.js";
import { freePort } from "../support/minio.js";

const parseEndpoint = (text: string) => parseValue(commandSettings.worker.trace, "--trace", [text]);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) await close();
});

async function collector(options: { isMute?: boolean } = {}): Promise<Collector> {
  const started = await startCollector(options);
  closing.push(() => started.close());
  return started;
}

const lost: string[] = [];
function tracerTo(url: string, ratio = 1): Tracer {
  lost.length = 0;
  const onLost = (reason: string) => void lost.push(reason);
  return new OpenTelemetryTracer({
    endpoint: `${url}/v1/traces`,
    role: "worker",
    instance: "a",
    ratio,
    onLost,
  });
}

describe("the traced steps", () => {
  const tracedSteps = (run: string, ratio: number) =>
    Array.from({ length: 10_000 }, (_, step) => step).filter((step) => isTraced(run, step, ratio));

  it("are the same whenever they are asked for, others in another run, and about the share that is wanted", () => {
    expect(tracedSteps("faces-1", 0.1)).toEqual(tracedSteps("faces-1", 0.1));
    expect(tracedSteps("faces-1", 0.1)).not.toEqual(tracedSteps("faces-2", 0.1));
    for (const ratio of [0.01, 0.1, 0.5]) {
      const share = tracedSteps("faces-1", ratio).length / 10_000;
      expect(Math.abs(share - ratio)).toBeLessThan(5 * Math.sqrt((ratio * (1 - ratio)) / 10_000));
    }
  });

  it("are none at 0 and all at 1, and a larger share holds those of a smaller one", () => {
    expect(tracedSteps("faces-1", 0)).toEqual([]);
    expect(tracedSteps("faces-1", 1)).toHaveLength(10_000);
    const more = new Set(tracedSteps("faces-1", 0.2));
    expect(tracedSteps("faces-1", 0.1).every((step) => more.has(step))).toBe(true);
  });
});

describe("switched off", () => {
  it("the work is done as if there were no spans: the very promise comes back", () => {
    const promise = Promise.resolve(7);
    expect(traced(noTracer.below("00-1-2-01"), "compute", {}, () => promise)).toBe(promise);
    expect(traced(noSpan, "compute", {}, () => promise)).toBe(promise);
    expect(noTracer.begin("step").traceparent).toBe("");
  });
});

/** A commit's row as far as spans tell of it. */
const row = { epoch: 3, samples: 64 } as StepRow;
const begin = (step: number, attempt = 0): Effect => {
  return { tag: "beginStep", step, attempt, present: [0, 1], banned: [] };
};
const skip = (step: number): Effect => ({ tag: "skip", step, exact: false });
const committed: Effect = { tag: "stepCommitted", row, checksums: [] };
const lanes = { epoch: 0, stepInEpoch: 0, lanes: [0], excluded: [], attempt: 0, share: 1 };

describe("a coordinator's spans", () => {
  it("are one trace a step, with its attempts apart, its parts below, and its decision", async () => {
    const { url, spans } = await collector();
    const tracer = tracerTo(url);
    const traces = new RunTraces(tracer, "faces-1", 2);
    traces.note(begin(5));
    traces.note(begin(5, 1));
    traces.note(skip(5));
    traces.note(committed);
    traces.note(begin(6));
    traces.close();
    await tracer.close();
    const steps = spans.filter(({ name }) => name === "step");
    const common = { "trainyard.run": "faces-1", "trainyard.generation": 2, "trainyard.lanes": 2 };
    expect(steps.map(({ attributes }) => attributes)).toEqual([
      { ...common, "trainyard.step": 5, "trainyard.attempt": 0, "trainyard.decision": "begun again" },
      {
        ...common,
        "trainyard.step": 5,
        "trainyard.attempt": 1,
        "trainyard.decision": "skip",
        "trainyard.epoch": 3,
        "trainyard.samples": 64,
      },
      { ...common, "trainyard.step": 6, "trainyard.attempt": 0, "trainyard.decision": "dropped" },
    ]);
    expect(new Set(steps.map(({ traceId }) => traceId)).size).toBe(3);
    const below = steps.map(({ spanId }) =>
      spans.filter(({ parentSpanId }) => parentSpanId === spanId).map(({ name }) => name),
    );
    expect(below).toEqual([["gather"], ["gather", "commit"], ["gather"]]);
  });

  it("name workers their parent, while it is open, where the step is traced", async () => {
    const { url } = await collector();
    const tracer = tracerTo(url, 0.5);
    const traces = new RunTraces(tracer, "faces-1", 1);
    for (let step = 0; step < 20; step += 1) {
      traces.note(begin(step));
      const context = traces.contextFor({ kind: "gradients", step, ...lanes });
      expect(context !== "").toBe(isTraced("faces-1", step, 0.5));
      traces.note(committed);
      expect(traces.contextFor({ kind: "gradients", step, ...lanes })).toBe("");
    }
    const evaluate: CoordinatorBody = {
      kind: "evaluate",
      step: 4,
      blocks: [0],
      statistics: new Uint8Array(0),
      excluded: [],
    };
    const first = traces.contextFor(evaluate);
    expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traces.contextFor(evaluate)).toBe(first);
    await tracer.close();
  });

  it("are none where nothing is traced", () => {
    const traces = new RunTraces(noTracer, "faces-1", 1);
    traces.note(begin(0));
    expect(traces.contextFor({ kind: "gradients", step: 0, ...lanes })).toBe("");
    expect(traces.contextFor({ kind: "export", checkpoint: "1-7", share: 1 })).toBe("");
    expect(traces.checkpoint("1-7", "epoch")).toBe(noSpan);
  });
});

describe("a worker's spans", () => {
  it("lie below the coordinator's span that came along, and tell of errors, but not of work given up", async () => {
    const { url, spans } = await collector();
    const tracer = tracerTo(url);
    const parent = tracer.begin("step");
    const below = tracer.below(parent.traceparent);
    await traced(below, "fine", { lane: 3 }, async () => undefined);
    const fail = (error: Error) =>
      traced(below, error.message, {}, () => Promise.reject(error)).catch(() => undefined);
    await fail(new TrainyardError("DAMAGED", "broken"));
    await fail(new TrainyardError("INTERRUPTED", "over"));
    parent.end();
    await tracer.close();
    const [fine, broken, over, step] = spans;
    expect(step?.parentSpanId).toBe("");
    for (const span of [fine, broken, over]) {
      expect(span).toMatchObject({ traceId: step?.traceId, parentSpanId: step?.spanId });
    }
    expect(fine).toMatchObject({ hasFailed: false, attributes: { "trainyard.lane": 3 } });
    expect(broken).toMatchObject({ name: "broken", hasFailed: true });
    expect(over).toMatchObject({ hasFailed: false, attributes: { "trainyard.interrupted": true } });
  });

  it.each([
    "",
    "nonsense",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
  ])("are none below %j", async (traceparent) => {
    const { url, spans } = await collector();
    const tracer = tracerTo(url);
    expect(tracer.below(traceparent)).toBe(noSpan);
    await tracer.close();
    expect(spans).toEqual([]);
  });
});

describe("a collector that", () => {
  it("wants a token gets it from OTEL_EXPORTER_OTLP_HEADERS", async () => {
    const { url, shown } = await collector();
    vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20word");
    const tracer = tracerTo(url);
    tracer.begin("step").end();
    await tracer.close();
    expect(shown).toEqual(["Bearer word"]);
  });

  it("is not there is told of once, whatever is sent, and holds up no end", async () => {
    const tracer = tracerTo(`http://127.0.0.1:${await freePort()}`);
    for (let span = 0; span < 1_500; span += 1) tracer.begin("step").end();
    await tracer.close();
    expect(lost).toEqual([expect.stringContaining("ECONNREFUSED")]);
  });

  it("never answers is given up, while it still holds what was sent", async () => {
    const mute = await collector({ isMute: true });
    const tracer = tracerTo(mute.url);
    tracer.begin("step").end();
    await tracer.close();
    expect(mute.connections).toBe(1);
    expect(lost).toHaveLength(1);
  });
});

describe("--trace", () => {
  it.each([
    ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
    ["https://tempo.example/", "https://tempo.example/v1/traces"],
    ["https://tempo.example/otlp/v1/traces", "https://tempo.example/otlp/v1/traces"],
  ])("%s posts to %s", (written, endpoint) => {
    expect(parseEndpoint(written)).toBe(endpoint);
    expect(parseEndpoint(endpoint)).toBe(endpoint);
  });

  it.each([
    ["collector:4318", "must be an http or https URL"],
    ["grpc://collector:4317", "must be an http or https URL"],
    ["http://user:word@collector:4318", "must not hold a password"],
  ])("%s is refused in a sentence", (written, sentence) => {
    expect(() => parseEndpoint(written)).toThrow(sentence);
  });
});
