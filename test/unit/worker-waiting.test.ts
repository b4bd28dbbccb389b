/** A worker that a coordinator tells to wait has reached one: it looks on, says so each minute, and is taken in the end. */
import { describe, expect, it } from "vitest";
import type { CoordinatorBody, WorkerBody } from "../../shared/grpc/control-messages.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { workerMetrics } from "../../shared/metrics.js";
import type { ControlStream } from "../../worker/control-stream.js";
import { realDependencies } from "../../worker/dependencies.js";
import { ProcessEngine } from "../../worker/process-engine.js";
import { runWorker } from "../../worker/worker.js";
import { ManualClock } from "../support/manual-clock.js";

/** A coordinator that answers every hello so; undefined: it just ends the stream. */
function worker(answer: () => CoordinatorBody | undefined, run?: string) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const said: { run: string; body: WorkerBody }[] = [];
  const connect = (): ControlStream => ({
    run: "",
    generation: 0,
    send(body) {
      said.push({ run: this.run, body });
    },
    async *messages() {
      const body = answer();
      if (body !== undefined) yield { run: "", generation: 0, body };
    },
    cancel: () => undefined,
    close: () => undefined,
  });
  const end = runWorker({
    coordinator: "c:7070",
    metricsAddress: "",
    connectTimeoutMs: 10_000,
    ...(run === undefined ? {} : { run: { run, store: "memory:" } }),
    logger: createLogger({
      role: "worker",
      destination: { write: (line: string) => void lines.push(line) },
      pretty: false,
    }),
    metrics: workerMetrics(),
    signal: new AbortController().signal,
    dependencies: {
      clock,
      connect,
      openWeights: realDependencies.openWeights,
      openPartials: realDependencies.openPartials,
      openStore: () => Promise.reject(new Error("no store")),
      prepareRun: realDependencies.prepareRun,
    },
  });
  end.catch(() => undefined); // looked at below
  return { clock, lines, said, end };
}

const wait: CoordinatorBody = { kind: "refused", code: "REFUSED", message: "no run yet", retry: true };

describe("a worker", () => {
  it("that is told to wait does not give up, and logs each minute that it is still looking", async () => {
    let body: CoordinatorBody = wait;
    const { clock, lines, end } = worker(() => body);
    await clock.pass(3 * limits.lookingNoteMs + 5_000);
    const notes = lines.filter((line) => line.includes("still looking for a run at c:7070: no run yet"));
    expect(notes).toHaveLength(3);
    body = { kind: "finished", outcome: "finished", message: "done" };
    await clock.pass(limits.reconnectMaxMs);
    expect(await end).toMatchObject({ outcome: "finished" });
  });

  it("gives up when no coordinator answers", async () => {
    const { clock, end } = worker(() => undefined);
    await clock.pass(15_000);
    await expect(end).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  it("of one run names it when it says hello; one of any run names none", async () => {
    const named = worker(() => wait, "faces-1");
    const any = worker(() => wait);
    await Promise.all([named.clock.pass(100), any.clock.pass(100)]);
    expect(named.said[0]).toMatchObject({ run: "faces-1", body: { kind: "hello" } });
    expect(any.said[0]).toMatchObject({ run: "", body: { kind: "hello" } });
  });
});

it("a process takes runs with the TensorFlow that it has loaded, and no others", () => {
  const engine = new ProcessEngine();
  engine.require({ intraOpThreads: 1, oneDnn: true });
  engine.require({ intraOpThreads: 1, oneDnn: true });
  const sentence = /--threads 2 --no-one-dnn, TensorFlow is loaded with --threads 1 --one-dnn/;
  expect(() => engine.require({ intraOpThreads: 2, oneDnn: false })).toThrow(sentence);
  expect(() => engine.require({ intraOpThreads: 1, oneDnn: true })).not.toThrow();
});
