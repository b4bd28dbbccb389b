/**
 * What a worker with a valid ticket can make a slice do: take the sums that the worker was asked for, and nothing that
 * is another's; and hold one vector for it, however many streams it opens, and however slowly it sends or reads.
 */
import { afterEach, describe, expect, it } from "vitest";
import { Grants } from "../../coordinator/reducers/grants.js";
import { limits } from "../../shared/limits.js";
import { isPresent, lanesBelow } from "../../shared/tree.js";
import { ManualClock } from "../support/manual-clock.js";
import { TicketedSlice } from "../support/ticketed-slice.js";

const count = 6_000;
const step = { step: 0, attempt: 0 };
const vector = (value: number) => new Float32Array(count).fill(value);
const halves = { a: [0, 1], b: [2, 3] };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function start(length = count, clock?: ManualClock): Promise<TicketedSlice> {
  const made = await TicketedSlice.start(length, clock);
  closers.push(() => made.close());
  return made;
}

async function trained(lanes: Readonly<Record<string, readonly number[]>> = halves): Promise<TicketedSlice> {
  const made = await start();
  made.load();
  made.begin(0, lanes);
  return made;
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 5) {
    if (waited > 10_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe("a grant", () => {
  it("of all lanes allows partials of at most eight lanes with samples, as workers send them", () => {
    const grants = new Grants();
    const lanes = Array.from({ length: 32 }, (_, lane) => lane);
    grants.begin(0, 0, lanes);
    grants.give("a", { kind: "GRADIENT", ...step, lanes });
    const allows = (begin: number, end: number) =>
      grants.allows({ ...step, kind: "GRADIENT", worker: "a", node: { begin, end } });
    expect([allows(0, 8), allows(8, 16), allows(0, 16), allows(0, 32)]).toEqual([true, true, false, false]);
    grants.begin(0, 1, [0, 20]);
    grants.give("a", { kind: "GRADIENT", step: 0, attempt: 1, lanes });
    const root = { begin: 0, end: 32 };
    expect(grants.allows({ step: 0, attempt: 1, kind: "GRADIENT", worker: "a", node: root })).toBe(true);
  });
});

describe("a partial that names billions of lanes", () => {
  // A loop over all of them takes a slice's thread from everybody for seconds, again and again.
  it("is judged by the lanes that there are", () => {
    const grants = new Grants();
    grants.begin(0, 0, [3, 1, 2, 0]);
    grants.give("a", { kind: "GRADIENT", ...step, lanes: [0, 1, 2, 3] });
    const allowed = [0, 1, 4].map((begin) =>
      grants.allows({
        ...step,
        kind: "GRADIENT",
        worker: "a",
        node: { begin, end: Number.MAX_SAFE_INTEGER },
      }),
    );
    expect(allowed).toEqual([true, true, true]);
    const node = { begin: 1, end: Number.MAX_SAFE_INTEGER };
    expect(lanesBelow(node, new Set([3, 1, 2, 0]))).toEqual([1, 2, 3]);
    expect(isPresent({ ...node, begin: 4 }, new Set([3, 0]))).toBe(false);
  });
});

describe("a sum", () => {
  it("of lanes that are another's is stale, and takes the place of none that was accepted", async () => {
    const made = await trained();
    await made.sender("a").send(step, { begin: 0, end: 2 }, vector(1));
    const rogue = made.sender("b");
    for (const node of [
      { begin: 0, end: 4 },
      { begin: 0, end: 2 },
      { begin: 1, end: 2 },
    ]) {
      await expect(rogue.send(step, node, vector(9))).rejects.toMatchObject({ code: "INTERRUPTED" });
    }
    await rogue.send(step, { begin: 2, end: 4 }, vector(2));
    expect(made.whole).toEqual([0]);
    expect(made.refused).toEqual(["STALE", "STALE", "STALE"]);
    made.slice.apply({ name: "adam", alpha: 1, beta1: 0, beta2: 0, epsilon: 0, divisor: 1 });
    expect(made.slice.version?.weights[0]).toBeCloseTo(-1);
  });

  it("takes no memory before it is known to be the worker's", async () => {
    const made = await trained();
    const held = made.slice.vectors.used;
    const stream = made.connection("b").upload();
    await stream.send(made.fields("b", [0, 2]), Buffer.alloc(400));
    await stream.send(made.fields("b", [2, 4]), Buffer.alloc(400));
    await until(() => made.slice.vectors.used > held, "a vector for its own");
    expect(made.slice.vectors.used).toBe(held + 1);
  });

  it("in another worker's name ends the stream", async () => {
    const made = await trained();
    const stream = made.connection("b").upload();
    await stream.send(made.fields("a", [0, 2]), Buffer.alloc(400));
    await expect(stream.messages().next()).rejects.toThrow("a partial of a on a stream of b");
  });

  it("as an audit is compared when the worker was asked for it, and stale when not", async () => {
    const made = await trained();
    const node = { begin: 0, end: 2 };
    made.slice.watch(0, node);
    const stale = made.sender("b").sendAudit(step, node, vector(1));
    await expect(stale).rejects.toMatchObject({ code: "INTERRUPTED" });
    made.tensors.grant("b", { kind: "AUDIT", ...step, node });
    await made.sender("b").sendAudit(step, node, vector(1));
  });

  it("that was granted in a former attempt is stale, and what has come of it is forgotten", async () => {
    const made = await trained();
    const held = made.slice.vectors.used;
    const stream = made.connection("a").upload();
    await stream.send(made.fields("a", [0, 2]), Buffer.alloc(400));
    await until(() => made.slice.vectors.used > held, "its vector");
    made.tensors.begin({ ...step, attempt: 1, present: [0, 1, 2, 3], banned: [] });
    expect(made.slice.vectors.used).toBe(held);
    await stream.send(made.fields("a", [0, 2], { offset: 100 }), Buffer.alloc(4 * count - 400));
    expect(await stream.messages().next()).toMatchObject({ value: { status: "STALE" } });
  });
});

it("a slice knows of which lanes it has nothing", async () => {
  const made = await trained();
  expect(made.slice.lacking(0, 0)).toEqual([0, 1, 2, 3]);
  await made.sender("a").send(step, { begin: 0, end: 2 }, vector(1));
  expect(made.slice.lacking(0, 0)).toEqual([2, 3]);
  await made.sender("b").send(step, { begin: 2, end: 3 }, vector(1));
  expect(made.slice.lacking(0, 0)).toEqual([3]);
  expect([made.slice.lacking(1, 0), made.slice.lacking(0, 1)]).toEqual([[], []]);
});

describe("initial parameters", () => {
  it("are taken from the worker that was asked for them last", async () => {
    const made = await start();
    await expect(made.sender("a").sendInitial(vector(1))).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(made.slice.version).toBeUndefined();
    made.tensors.grant("a", { kind: "INITIAL" });
    made.tensors.grant("b", { kind: "INITIAL" });
    await made
      .sender("a")
      .sendInitial(vector(2))
      .catch(() => undefined);
    expect(made.slice.version).toBeUndefined();
    await made.sender("b").sendInitial(vector(3));
    expect(made.slice.version?.weights[0]).toBe(3);
  });
});

describe("memory", () => {
  it("of one vector is what a worker gets, however many streams it opens", async () => {
    const made = await trained();
    const held = made.slice.vectors.used;
    const connection = made.connection("a");
    const streams = Array.from({ length: 30 }, () => connection.upload());
    for (const stream of streams) await stream.send(made.fields("a", [0, 2]), Buffer.alloc(400));
    await until(() => made.slice.vectors.used > held, "a vector");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made.slice.vectors.used).toBe(held + 1);
    await made.sender("b").send(step, { begin: 2, end: 4 }, vector(1));
  });

  it("is taken back from a partial that drips", async () => {
    const clock = new ManualClock();
    const made = await start(count, clock);
    made.load();
    made.begin(0, halves);
    const held = made.slice.vectors.used;
    const stream = made.connection("a").upload();
    await stream.send(made.fields("a", [0, 2]), Buffer.alloc(400));
    await until(() => made.slice.vectors.used > held, "its vector");
    await clock.pass(limits.tensorSilenceMs - 1);
    expect(made.slice.vectors.used).toBe(held + 1);
    await clock.pass(2_000);
    expect(made.slice.vectors.used).toBe(held);
    await made.sender("b").send(step, { begin: 2, end: 4 }, vector(1));
  });

  it("does not grow with versions that no worker takes: the worker at the oldest one is cut off", async () => {
    const length = 3 * 1024 * 1024; // more than a window
    const made = await start(length);
    made.load();
    const held = made.slice.vectors.used;
    const readers = Array.from({ length: 10 }, (_, index) => made.connection(`w${index}`));
    for (const [index, reader] of readers.entries()) {
      made.begin(index, {});
      reader.weights(made.request()); // and never reads
      await until(() => made.tensors.readers >= Math.min(index + 1, 4), "its stream");
      made.tensors.broadcast(made.slice.skip(), false);
    }
    await until(() => made.tensors.readers <= 6, "the slowest cut off");
    expect(made.slice.vectors.used).toBeLessThanOrEqual(held + limits.versionsMin + 2);
  });

  it("holds one reader per worker: its second stream ends the first", async () => {
    const made = await trained();
    const connection = made.connection("a");
    const first = connection.weights(made.request());
    await first.messages().next();
    await connection.weights(made.request()).messages().next();
    await until(() => made.tensors.readers === 1, "one reader");
  });
});
