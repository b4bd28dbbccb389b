/** The states of a worker's session: what leads from one to the next, what a state refuses, and how each ends. */
import { beforeEach, describe, expect, it } from "vitest";
import { TrainyardError } from "../../shared/errors.js";
import type { CoordinatorBody } from "../../shared/grpc/control-messages.js";
import type { Logger } from "../../shared/log.js";
import { workerMetrics } from "../../shared/metrics.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { ReceivedKeys } from "../../worker/received-keys.js";
import { runSession } from "../../worker/session.js";
import { enter, type SessionEnd, type SessionState } from "../../worker/session-state.js";
import { tinySpec } from "../support/core-driver.js";
import { ManualClock } from "../support/manual-clock.js";
import { CountingEngine, gradients, ListeningCoordinator } from "../support/worker-place.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;
const spec = tinySpec({});
const run = {
  spec,
  layout: new CountingEngine().layout,
  engine: { isDead: false },
} as unknown as PreparedRun;
const streams = () => new ListeningCoordinator(run.layout);
const welcome: CoordinatorBody = { kind: "welcome", specJson: JSON.stringify(spec), store: "memory:" };
const slices: CoordinatorBody = {
  kind: "slices",
  slices: [{ slice: 0, begin: 0, end: 64, port: 1 }],
  ticket: "t",
};

describe("the table of states", () => {
  const states: Record<SessionState["tag"], SessionState> = {
    connecting: { tag: "connecting" },
    preparing: { tag: "preparing" },
    ready: { tag: "ready", run },
    working: {
      tag: "working",
      run,
      streams: { weights: streams().streams.weights, partials: streams().streams.partials },
    },
    draining: { tag: "draining", departure: { tag: "drained", reason: "its sums differ" } },
    closed: { tag: "closed" },
  };
  const allowed = [
    "connecting > preparing",
    "connecting > draining",
    "connecting > closed",
    "preparing > ready",
    "preparing > draining",
    "preparing > closed",
    "ready > working",
    "ready > draining",
    "ready > closed",
    "working > draining",
    "working > closed",
    "draining > closed",
  ];
  const all = Object.values(states);
  const pairs = all.flatMap((from) => all.map((to) => ({ from, to, name: `${from.tag} > ${to.tag}` })));

  it.each(pairs.filter(({ name }) => allowed.includes(name)))("has $name", ({ from, to }) => {
    expect(enter(from, to)).toBe(to);
  });

  it.each(pairs.filter(({ name }) => !allowed.includes(name)))("does not have $name", ({ from, to }) => {
    expect(() => enter(from, to)).toThrow(`invariant broken: a session that is ${from.tag} became ${to.tag}`);
  });
});

/** A session whose coordinator says one message at a time, each when the worker has done with the one before. */
class Scripted {
  readonly clock = new ManualClock();
  /** What the worker sent, besides heartbeats. */
  readonly said: string[] = [];
  readonly coordinator = streams();
  closedStreams = 0;
  isClosed = false;
  prepare: () => Promise<PreparedRun> = async () => run;
  accept: () => void = () => undefined;
  #next: (body: CoordinatorBody | Error | null) => void = () => undefined;

  #messages: (CoordinatorBody | Error | null)[] = [];
  write(...messages: (CoordinatorBody | Error | null)[]): void {
    this.#messages.push(...messages);
    this.#next(null);
  }

  start(): Promise<SessionEnd> {
    const { coordinator } = this;
    const close = () => {
      this.closedStreams += 1;
    };
    return runSession({
      id: "w",
      host: "h",
      keys: new ReceivedKeys(this.clock),
      control: {
        run: "",
        generation: 0,
        send: ({ kind }) => {
          if (kind !== "heartbeat") this.said.push(kind);
        },
        messages: () => this.#read(),
        cancel: () => this.write(null),
        close: () => {
          this.isClosed = true;
        },
      },
      logger: silent,
      metrics: workerMetrics(),
      dependencies: {
        clock: this.clock,
        openWeights: () => ({ ...coordinator.streams.weights, close }),
        openPartials: () => ({ ...coordinator.streams.partials, close }),
      },
      accept: () => this.accept(),
      prepare: () => this.prepare(),
    });
  }

  async *#read() {
    for (;;) {
      await settled();
      const body = this.#messages.shift();
      if (body === null) return;
      if (body instanceof Error) throw body;
      if (body !== undefined) yield { run: "test", generation: 4, body };
      else await new Promise<unknown>((resolve) => (this.#next = resolve));
    }
  }
}

/** All that is due without any time passing is done. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

let session: Scripted;
beforeEach(() => {
  session = new Scripted();
});

describe("a session", () => {
  it("goes from the welcome over ready to working, and says ready once", async () => {
    const end = session.start();
    session.write(welcome, slices);
    await settled();
    await settled();
    session.write({ kind: "finished", outcome: "completed", message: "all epochs" });
    expect(await end).toEqual({ tag: "finished", outcome: "completed", message: "all epochs" });
    expect(session.said).toEqual(["ready"]);
    expect(session.closedStreams).toBe(2);
    expect(session.isClosed).toBe(true);
  });

  it.each<[string, CoordinatorBody[], string]>([
    ["slices while it connects", [slices], "sent slices to a worker that is connecting"],
    ["work while it connects", [gradients()], "sent gradients to a worker that is connecting"],
    ["work before the slices", [welcome, gradients()], "sent gradients to a worker that is ready"],
    ["a second welcome", [welcome, welcome], "sent welcome to a worker that is ready"],
    ["the slices twice", [welcome, slices, slices], "sent slices to a worker that is working"],
  ])("refuses %s and ends as lost or unreached", async (_, messages, reason) => {
    session.write(...messages);
    const end = await session.start();
    expect(end).toMatchObject({ tag: messages[0] === welcome ? "lost" : "unreached" });
    expect("reason" in end && end.reason).toContain(reason);
    expect(session.isClosed).toBe(true);
  });

  it("refuses slices while it prepares", async () => {
    session.prepare = () => new Promise(() => undefined);
    session.write(welcome, slices);
    expect(await session.start()).toEqual({
      tag: "lost",
      reason: "the coordinator sent slices to a worker that is preparing",
    });
  });

  it.each<[string, CoordinatorBody[], SessionEnd["tag"]]>([
    ["is unreached before a welcome", [], "unreached"],
    ["is lost after it", [welcome], "lost"],
    ["is lost while it works", [welcome, slices], "lost"],
  ])("whose stream ends %s", async (_, messages, tag) => {
    session.write(...messages, null);
    expect(await session.start()).toEqual({ tag, reason: "the coordinator ended the stream" });
  });

  it("whose stream breaks says why", async () => {
    session.write(welcome, new TrainyardError("UNREACHABLE", "connection reset"));
    expect(await session.start()).toEqual({ tag: "lost", reason: "connection reset" });
  });

  it("that is told to wait ends as waiting, one that is refused with the coordinator's reason", async () => {
    const refused = { kind: "refused", code: "REFUSED", message: "no run is here" } as const;
    session.write({ ...refused, retry: true });
    expect(await session.start()).toEqual({ tag: "waiting", reason: "no run is here" });
    const other = new Scripted();
    other.write({ ...refused, retry: false });
    await expect(other.start()).rejects.toMatchObject({
      code: "REFUSED",
      message: "the coordinator refused this worker: no run is here",
    });
  });

  it("whose run the worker does not accept ends with the worker's reason and prepares nothing", async () => {
    let prepared = 0;
    session.prepare = async () => {
      prepared += 1;
      return run;
    };
    session.accept = () => {
      throw new TrainyardError("INTERRUPTED", "other threads");
    };
    session.write(welcome);
    await expect(session.start()).rejects.toMatchObject({ code: "INTERRUPTED", message: "other threads" });
    expect(prepared).toBe(0);
  });

  it("that was ended while it prepared sends no ready", async () => {
    let finish: (made: PreparedRun) => void = () => undefined;
    session.prepare = () => new Promise((resolve) => (finish = resolve));
    session.write(welcome, null);
    expect((await session.start()).tag).toBe("lost");
    finish(run);
    await settled();
    expect(session.said).toEqual([]);
  });
});

describe("a session that drains", () => {
  it("says that it leaves, lets that message go for 100 ms, closes its streams and is drained", async () => {
    const end = session.start();
    session.write(welcome, slices);
    await settled();
    await settled();
    session.write({ kind: "drain", reason: "its sums differ" });
    while (session.said.at(-1) !== "leaving") await settled();
    expect(session.isClosed).toBe(false);
    session.clock.passAtOnce(100);
    expect(await end).toEqual({ tag: "drained", reason: "its sums differ" });
    expect(session.closedStreams).toBe(2);
    expect(session.said).toEqual(["ready", "leaving"]);
  });

  it.each(["SETUP", "STORE_DENIED", "USAGE"] as const)(
    "because of this machine's set-up (%s) ends with that error, takes no further message, and reports no failure",
    async (code) => {
      session.prepare = () => Promise.reject(new TrainyardError(code, "TensorFlow is not installed"));
      const end = session.start();
      end.catch(() => undefined);
      session.write(welcome);
      while (session.said.at(-1) !== "leaving") await settled();
      session.write(welcome, slices, gradients());
      await settled();
      session.clock.passAtOnce(100);
      await expect(end).rejects.toMatchObject({ code, message: "TensorFlow is not installed" });
      expect(session.said).toEqual(["leaving"]);
    },
  );

  it("learns that the run finished meanwhile", async () => {
    session.prepare = () => Promise.reject(new TrainyardError("SETUP", "TensorFlow is not installed"));
    const end = session.start();
    session.write(welcome);
    while (session.said.at(-1) !== "leaving") await settled();
    session.write({ kind: "finished", outcome: "completed", message: "" });
    expect(await end).toEqual({ tag: "finished", outcome: "completed", message: "" });
  });

  it("does not drain for other failures of preparing: the coordinator decides what they mean", async () => {
    session.prepare = () => Promise.reject(new TrainyardError("DAMAGED", "a shard is damaged"));
    const end = session.start();
    session.write(welcome);
    while (session.said.at(-1) !== "assignmentFailed") await settled();
    session.write(null);
    expect((await end).tag).toBe("lost");
  });
});
