/** What a standing coordinator answers: questions about its queue, workers that come too early, and callers that it refuses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunQueue } from "../../coordinator/standing/queue.js";
import { type CurrentRun, QueueService, type Standing } from "../../coordinator/standing/queue-service.js";
import type { RunCatalogue } from "../../coordinator/standing/run-catalogue.js";
import { outcomeOf } from "../../coordinator/standing/run-outcome.js";
import { addRunsService } from "../../coordinator/standing/runs-service.js";
import { realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { generationKey } from "../../shared/generations.js";
import { AdmittedServices } from "../../shared/grpc/admitted-services.js";
import { RunsClient } from "../../shared/grpc/runs-client.js";
import { TcpTransport } from "../../shared/grpc/transport.js";
import { ClientSecurity, noSecurity } from "../../shared/security/client-security.js";
import { roles } from "../../shared/security/roles.js";
import { ServerSecurity } from "../../shared/security/server-security.js";
import { writeTokenFile } from "../../shared/security/token-file.js";
import { drawToken } from "../../shared/security/tokens.js";
import { runKey } from "../../shared/spec.js";
import { endKey, type RunStatus } from "../../shared/status.js";
import { encodeDocument } from "../../shared/store/document.js";
import { tinySpec } from "../support/core-driver.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

const signal = new AbortController().signal;
const owner = (generation: number) => ({
  generation,
  address: "h:1",
  http: "h:2",
  startedAt: "2026",
  renewals: 0,
  changes: {},
});

let store: MemoryStore;
let queue: RunQueue;
let standing: Standing;
let service: QueueService;
let current: CurrentRun | null;

beforeEach(() => {
  store = new MemoryStore();
  queue = new RunQueue(store);
  standing = "serving";
  current = null;
  service = new QueueService({
    store,
    queue,
    catalogue,
    clock: new ManualClock(),
    standing: () => standing,
    current: () => current,
    failure: () => undefined,
  });
});

const write = (key: string, value: unknown) => store.put(key, encodeDocument(value));
const spec = (run: string) => tinySpec({ run });

/** Runs are named as their data set. */
const catalogue: RunCatalogue = {
  create: async (dataset) => {
    if (dataset === "none") throw new TrainyardError("NOT_FOUND", "memory: has no data set none");
    const isNew = (await store.stat(runKey(dataset, "spec.json"))) === null;
    await write(runKey(dataset, "spec.json"), spec(dataset));
    return { run: dataset, isNew, notes: [] };
  },
  describe: async (run) => ({ run, described: true }),
  end: async () => null,
};

/** A run that a coordinator has ended so. */
async function ended(run: string, outcome: "stopped" | "failed" | "interrupted") {
  await write(runKey(run, "spec.json"), spec(run));
  await write(generationKey(run, 1), owner(1));
  const status = { run, phase: "waiting", workers: [] };
  const numbers = { epoch: 0, epochs: 1, stepInEpoch: 0, stepsPerEpoch: 1, step: 0, steps: 1 };
  const measured = { loss: null, accuracy: null, imagesPerSecond: null, etaSeconds: null };
  await write(endKey(run, 1), {
    generation: 1,
    outcome,
    reason: "why",
    status: { ...status, ...numbers, ...measured },
    endedAt: "2026",
  });
}

describe("a run that is handed in", () => {
  it("is queued, and again it is there already", async () => {
    expect(await service.submit("a", {}, "me", signal)).toMatchObject({
      run: "a",
      isNew: true,
      state: "queued",
    });
    expect(await service.submit("b", {}, "me", signal)).toMatchObject({ run: "b", ahead: 1 });
    expect(await service.submit("a", {}, "me", signal)).toMatchObject({
      isNew: false,
      state: "queued",
      ahead: 0,
    });
    expect(queue.entries.map(({ run, by }) => [run, by])).toEqual([
      ["a", "me"],
      ["b", "me"],
    ]);
  });

  it("twice at once stands in the queue once", async () => {
    await Promise.all(Array.from({ length: 5 }, () => service.submit("a", {}, "me", signal)));
    expect(queue.entries).toHaveLength(1);
  });

  it("is queued when it was stored before and its submitter never heard of it", async () => {
    await write(runKey("a", "spec.json"), spec("a"));
    expect(await service.submit("a", {}, "me", signal)).toMatchObject({ isNew: false, state: "queued" });
  });

  it.each(["stopped", "failed"] as const)(
    "and had %s is not begun again, unless it is resumed",
    async (outcome) => {
      await ended("a", outcome);
      expect(await service.submit("a", {}, "me", signal)).toMatchObject({
        state: outcome,
        notes: [`a ${outcome}: why`],
      });
      expect(queue.entries).toEqual([]);
      expect(await service.resume("a", "me", signal)).toMatchObject({ state: "queued" });
      expect(queue.entries).toMatchObject([{ run: "a", after: 1 }]);
    },
  );

  it("and was interrupted goes on", async () => {
    await ended("a", "interrupted");
    expect(await service.submit("a", {}, "me", signal)).toMatchObject({ state: "queued" });
  });

  it.each(["waiting", "ending"] as const)("is not taken while the coordinator is %s", async (state) => {
    standing = state;
    await expect(service.submit("a", {}, "me", signal)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(store.objects.size).toBe(0);
  });
});

describe("a run whose turn it is", () => {
  /** The head of the queue becomes the current run. */
  async function takeTurn(): Promise<{ readonly stopped: () => boolean; readonly end: () => Promise<void> }> {
    const entry = queue.entries[0];
    if (entry === undefined) throw new Error("the queue is empty");
    let isEnding = false;
    const stop = () => {
      isEnding = true;
    };
    current = { run: entry.run, entry, shell: null, stop, isEnding: false };
    Object.defineProperty(current, "isEnding", { get: () => isEnding });
    const end = async () => {
      await queue.remove(entry);
      current = null;
    };
    return { stopped: () => isEnding, end };
  }

  it("is under way when it is resumed or handed in again, and stands in the queue once", async () => {
    await service.submit("a", {}, "me", signal);
    await takeTurn();
    expect(await service.resume("a", "me", signal)).toMatchObject({ state: "current", ahead: 0 });
    expect(await service.submit("a", {}, "me", signal)).toMatchObject({ state: "current" });
    expect(queue.entries).toHaveLength(1);
  });

  it("and that is resumed while it stops, goes on afterwards", async () => {
    await service.submit("a", {}, "me", signal);
    await write(generationKey("a", 1), owner(1));
    const turn = await takeTurn();
    expect(await service.stop("a", signal)).toEqual({ run: "a", state: "stopping" });
    for (const _ of [1, 2]) {
      expect(await service.resume("a", "me", signal)).toMatchObject({ state: "queued", ahead: 1 });
    }
    await turn.end();
    expect(queue.entries).toMatchObject([{ run: "a", after: 1 }]);
    expect(await outcomeOf(store, "a", 1)).toMatchObject({ tag: "open" });
  });

  it("and that is handed in once more while it stops, is not begun again", async () => {
    await service.submit("a", {}, "me", signal);
    const turn = await takeTurn();
    await service.stop("a", signal);
    await service.submit("a", {}, "me", signal);
    await turn.end();
    expect(queue.entries).toEqual([]);
  });

  it("stops when it is stopped after it was resumed, and does not go on", async () => {
    await service.submit("a", {}, "me", signal);
    const turn = await takeTurn();
    await service.stop("a", signal);
    await service.resume("a", "me", signal);
    expect(await service.stop("a", signal)).toEqual({ run: "a", state: "stopping" });
    await turn.end();
    expect(queue.entries).toEqual([]);
  });

  it("that comes while the run is being cancelled, stops it", async () => {
    await service.submit("a", {}, "me", signal);
    const stopping = service.stop("a", signal);
    const turn = await takeTurn();
    expect(await stopping).toEqual({ run: "a", state: "stopping" });
    expect(turn.stopped()).toBe(true);
  });
});

describe("a run that is cancelled while it waits", () => {
  it("leaves the queue; twice is the same", async () => {
    await service.submit("a", {}, "me", signal);
    expect(await service.stop("a", signal)).toEqual({ run: "a", state: "cancelled" });
    expect(await service.stop("a", signal)).toEqual({ run: "a", state: "idle" });
    expect(queue.entries).toEqual([]);
  });
});

describe("a worker that comes", () => {
  const hasToWait = (message: string) => ({ kind: "refused", retry: true, message });

  it("for no run, or for one that is queued, has to wait", async () => {
    expect(await service.answerWorker("")).toMatchObject(hasToWait("no run yet"));
    for (const run of ["a", "b"]) await service.submit(run, {}, "me", signal);
    expect(await service.answerWorker("b")).toMatchObject(hasToWait("the run b is queued: 1 run before it"));
  });

  it.each(["waiting", "ending"] as const)("while the coordinator is %s has to wait", async (state) => {
    standing = state;
    expect(await service.answerWorker("unknown")).toMatchObject({ kind: "refused", retry: true });
  });

  it("for a run that is unknown or over is refused for good", async () => {
    expect(await service.answerWorker("a")).toMatchObject({
      kind: "refused",
      retry: false,
      message: "there is no run a",
    });
    await ended("b", "failed");
    expect(await service.answerWorker("b")).toMatchObject({
      retry: false,
      message: "the run b is over, failed: why",
    });
  });

  it("while the store is away has to wait", async () => {
    store.stat = () => Promise.reject(new TrainyardError("STORE_UNREACHABLE", "the store is away"));
    expect(await service.answerWorker("a")).toMatchObject({ kind: "refused", retry: true });
  });
});

describe("over the wire", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function serve(security = ServerSecurity.none()) {
    const transport = new TcpTransport(realClock);
    const onRefused = () => undefined;
    addRunsService(new AdmittedServices({ transport, security, clock: realClock, onRefused }), service);
    const port = await transport.listen("127.0.0.1", 0, null);
    closers.push(() => void transport.close(0));
    return (shown = noSecurity) => {
      const asking = new RunsClient(`127.0.0.1:${port}`, shown, signal);
      closers.push(() => asking.close());
      return asking;
    };
  }
  const client = async () => (await serve())();
  const request = { dataset: "a", flagsJson: "{}", resume: "" };

  it("a run is handed in, shown, listed, followed and stopped", async () => {
    const runs = await client();
    expect(await runs.submit(request)).toMatchObject({ run: "a", isNew: true, state: "queued", ahead: 0 });
    expect(await runs.show("a")).toEqual({ run: "a", described: true });
    const listed: unknown[] = [];
    for await (const run of runs.list()) listed.push(run);
    expect(listed).toEqual([{ run: "a", described: true }]);
    let seen: RunStatus | undefined;
    for await (const status of runs.follow("a")) {
      seen = status;
      break;
    }
    expect(seen).toMatchObject({ run: "a", phase: "waiting", message: "its turn comes" });
    expect(await runs.stop("a")).toEqual({ run: "a", state: "cancelled" });
  });

  it("operators hand in and stop, viewers look, workers do neither, and strangers nothing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "trainyard-service-"));
    const drawn = roles.map((role) => drawToken({ role }, []));
    writeTokenFile(
      join(folder, "tokens.json"),
      drawn.map(({ entry }) => entry),
    );
    const security = ServerSecurity.open({ tokens: join(folder, "tokens.json") });
    closers.push(
      () => rmSync(folder, { recursive: true }),
      () => security.close(),
    );
    const connect = await serve(security);
    await service.submit("a", {}, "me", signal);
    const may = async (token: string | undefined) => {
      const runs = connect(new ClientSecurity({ token: () => token }));
      const calls = [runs.submit(request), runs.show("a"), runs.stop("a")];
      const listed = (async () => {
        for await (const _ of runs.list()) return;
      })();
      const outcomes = await Promise.allSettled([...calls, listed]);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "REFUSED" });
      }
      return outcomes.map(({ status }) => status === "fulfilled");
    };
    const [worker, viewer, operator] = drawn.map(({ token }) => token);
    expect(await may(undefined)).toEqual([false, false, false, false]);
    expect(await may(worker)).toEqual([false, false, false, false]);
    expect(await may(viewer)).toEqual([false, true, false, true]);
    expect(await may(operator)).toEqual([true, true, true, true]);
  });

  it("failures come as the command on the spot has them", async () => {
    const runs = await client();
    const refused = runs.submit({ ...request, dataset: "none" });
    await expect(refused).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "memory: has no data set none",
    });
    await expect(runs.submit({ ...request, flagsJson: "{" })).rejects.toMatchObject({ code: "REFUSED" });
    await expect(runs.show("x")).rejects.toMatchObject({ code: "NOT_FOUND" });
    const nobody = new RunsClient("127.0.0.1:1", noSecurity, signal);
    closers.push(() => nobody.close());
    await expect(nobody.show("x")).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: "the coordinator at 127.0.0.1:1 can't be reached: nothing listens there",
    });
  });
});
