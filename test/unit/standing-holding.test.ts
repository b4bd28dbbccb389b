/** One standing coordinator serves a store's queue: a second one waits, and takes it once the first is gone or silent. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import type { OwnerAnswer } from "../../coordinator/ownership/takeover.js";
import { askOthers } from "../../coordinator/standing/other-owners.js";
import { ownQueue, queueName } from "../../coordinator/standing/queue-ownership.js";
import { standingRoutes } from "../../coordinator/standing/routes.js";
import { outcomeOf } from "../../coordinator/standing/run-outcome.js";
import { generationKey } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { listRuns } from "../../shared/runs.js";
import { noSecurity } from "../../shared/security/client-security.js";
import { runKey } from "../../shared/spec.js";
import { encodeDocument } from "../../shared/store/document.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

const addresses = { address: "c:7070", http: "c:7080" };

function place(answer: OwnerAnswer) {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ role: "coordinator", destination, pretty: false });
  const controller = new AbortController();
  const hold = () =>
    ownQueue({ store, clock, logger, signal: controller.signal, addresses, ask: async () => answer });
  return { store, clock, lines, controller, hold };
}

describe("the queue", () => {
  it("is held by the first; a second one waits while that one lives, and has it when it was given back", async () => {
    const { clock, lines, hold, store } = place("silent");
    const first = await hold();
    const second = hold();
    await clock.pass(4 * limits.takeoverMs);
    expect(lines.join("")).toContain("the queue is held by the coordinator at c:7070");
    expect(lines.filter((line) => line.includes("does not answer;"))).toHaveLength(1);
    expect(await Promise.race([second, Promise.resolve("waiting")])).toBe("waiting");
    await first.release();
    await clock.pass(2 * limits.takeoverMs);
    const taken = await second;
    expect(taken.fenced.aborted).toBe(false);
    expect(await listRuns(store)).toEqual([]); // its records make no run
    await taken.stop();
  });

  it("of one that gives no sign of life is taken within the time of ownership, and the former one is fenced", async () => {
    const { clock, hold } = place("silent");
    const former = await hold();
    await former.stop(); // it hangs
    const next = hold();
    await clock.pass(limits.takeoverMs + 2 * limits.takeoverPollMs);
    await next;
    await expect(former.confirm()).rejects.toMatchObject({
      code: "FENCED",
      message: expect.stringContaining("the queue was taken over by the coordinator at c:7070"),
    });
    await (await next).stop();
  });

  it("of one that is gone is taken at once; waiting ends with the signal", async () => {
    const gone = place("gone");
    await (await gone.hold()).stop();
    await (await gone.hold()).stop();

    const owned = place("running");
    const first = await owned.hold();
    const waiting = owned.hold();
    waiting.catch(() => undefined);
    await owned.clock.pass(limits.takeoverPollMs);
    owned.controller.abort();
    await owned.clock.pass(limits.takeoverPollMs);
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
    await first.stop();
  });
});

describe("a former owner whose address is this very coordinator's", () => {
  const record = (host: string, http = "c:7080") => ({
    generation: 1,
    address: "c:7070",
    http,
    host,
    startedAt: "2026",
    renewals: 0,
    changes: {},
  });
  const ask = askOthers(() => "c:7080", noSecurity);

  it("is gone where it was on this machine, and has to be silent where it was on another", async () => {
    expect(await ask(record(hostname()), "r")).toBe("gone");
    expect(await ask(record("another"), "r")).toBe("refused");
  });

  it("on another machine's loopback is not this one", async () => {
    const loopback = askOthers(() => "127.0.0.1:7080", noSecurity);
    expect(await loopback(record("another", "127.0.0.1:7080"), "r")).toBe("silent");
    expect(await loopback(record(hostname(), "127.0.0.1:7080"), "r")).toBe("gone");
  });
});

describe("the holder of the queue", () => {
  const record = (http: string) => ({
    generation: 2,
    address: "c:7070",
    http,
    host: hostname(),
    startedAt: "2026",
    renewals: 0,
    changes: {},
  });

  it.each([
    ["with a run of its own", { run: "faces", generation: 7, ended: true, queue: 2 }, "running"],
    ["between two runs", { run: "", generation: 0, ended: false, queue: 2 }, "running"],
    ["that took it anew", { run: "faces", generation: 7, ended: false, queue: 3 }, "silent"],
    ["that holds none", { run: "faces", generation: 2, ended: false }, "silent"],
  ])("%s is asked for the queue, not for its run", async (_, sign, expected) => {
    const server = createServer((_, response) => response.end(JSON.stringify(sign)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const http = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = askOthers(() => "127.0.0.1:1", noSecurity);
    expect(await ask(record(http), queueName)).toBe(expected);
    await new Promise((resolve) => server.close(resolve));
  });

  it("says so at /alive, also between two runs", async () => {
    const alive = async (holding: number | null) => {
      const service = { view: { current: null, queue: [] } };
      const routes = standingRoutes({ service, shell: () => null, holding: () => holding });
      const [route, ...others] = routes.filter(({ path }) => path === "/alive");
      expect(others).toEqual([]);
      return JSON.parse(String((await route?.reply(new URLSearchParams()))?.body));
    };
    expect(await alive(4)).toEqual({ run: "", generation: 0, ended: false, queue: 4 });
    expect(await alive(null)).toEqual({ run: "", generation: 0, ended: false });
  });
});

describe("a run that was cut off", () => {
  it("is open, whatever its state; one that was begun by nobody, too", async () => {
    const store = new MemoryStore();
    expect(await outcomeOf(store, "r")).toEqual({ tag: "unknown" });
    await store.put(runKey("r", "spec.json"), Buffer.from("{}"));
    expect(await outcomeOf(store, "r")).toEqual({ tag: "open", generation: 0 });
    const owner = { generation: 3, address: "h:1", http: "h:2", startedAt: "2026" };
    await store.put(generationKey("r", 3), encodeDocument(owner));
    expect(await outcomeOf(store, "r")).toEqual({ tag: "open", generation: 3 });
  });
});
