/**
 * Slices under attempts and audits: what belongs to another attempt or to a banned worker never gets into a sum; a
 * watched node's values are compared and never added twice; nothing is kept that nobody wants.
 */
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { agree } from "../../coordinator/reducers/audited-nodes.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import type { Claim } from "../../coordinator/reducers/step-partials.js";
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { channelOptions, tensorService } from "../../shared/grpc/protocol.js";
import type { TreeNode } from "../../shared/tree.js";
import { adamStep, identity, SliceCluster } from "../support/slice-cluster.js";
import { ownedBy } from "../support/slice-vectors.js";

const left = { begin: 0, end: 2 };
const right = { begin: 2, end: 4 };
const root = { begin: 0, end: 4 };
const count = 6;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

function beginning(change: object = {}) {
  return { step: 0, attempt: 0, present: [0, 1, 2, 3], banned: [], ...change };
}

function sliceAt(change: object = {}, tolerance = 0): ReducedSlice {
  const slice = new ReducedSlice({ slice: 0, begin: 0, end: count }, { ...identity, tolerance });
  slice.load(ownedBy(slice, new Float32Array(count)));
  slice.begin(beginning(change));
  return slice;
}

const claim = (worker: string, node: TreeNode, change: Partial<Claim> = {}): Claim => ({
  step: 0,
  attempt: 0,
  kind: "GRADIENT",
  worker,
  node,
  ...change,
});
const audit = (worker: string, node: TreeNode) => claim(worker, node, { kind: "AUDIT" });
const vector = (slice: ReducedSlice, value: number) => slice.vectors.allocate().fill(value);

describe("another attempt at a step", () => {
  it("starts from nothing: earlier partials are gone, and those that still come are stale", () => {
    const slice = sliceAt();
    expect(slice.take(claim("a", left), vector(slice, 1)).verdict).toBe("wanted");
    slice.begin(beginning({ attempt: 1 }));
    expect(slice.take(claim("a", right), vector(slice, 100)).verdict).toBe("stale");
    const again = claim("a", right, { attempt: 1 });
    expect(slice.take(again, vector(slice, 2)).report).toBeNull(); // the left half must come again
    expect(slice.take(claim("a", left, { attempt: 1 }), vector(slice, 3)).report?.blockSums[0]).toBe(
      25 * count,
    );
  });

  it("takes nothing from a banned worker, neither sums nor audits", () => {
    const slice = sliceAt({ banned: ["liar"] });
    slice.watch(0, left);
    expect(slice.take(claim("liar", left), vector(slice, 1)).verdict).toBe("stale");
    expect(slice.take(audit("liar", left), vector(slice, 1)).verdict).toBe("stale");
    expect(slice.take(claim("honest", left), vector(slice, 1)).verdict).toBe("wanted");
  });
});

describe("a watched node", () => {
  it("compares what its workers send, bit for bit, and adds the first only", () => {
    const slice = sliceAt();
    slice.watch(0, left);
    expect(slice.take(claim("a", left), vector(slice, 1)).comparison).toBeNull();
    expect(slice.take(audit("b", left), vector(slice, 1)).comparison).toEqual({
      node: left,
      worker: "b",
      agrees: ["a"],
      differs: [],
    });
    const other = vector(slice, 1);
    other[3] = 1 + 2 ** -23;
    expect(slice.take(audit("c", left), other).comparison).toEqual({
      node: left,
      worker: "c",
      agrees: [],
      differs: ["a", "b"],
    });
    // 1 + 2 in every element, whatever the audits said.
    expect(slice.take(claim("a", right), vector(slice, 2)).report?.blockSums[0]).toBe(9 * count);
  });

  it("keeps the value as it came, though the tree adds into it, and whichever comes first", () => {
    const slice = sliceAt();
    slice.watch(0, left);
    expect(slice.take(audit("b", left), vector(slice, 1)).comparison).toBeNull();
    expect(slice.take(claim("a", left), vector(slice, 1)).comparison).toMatchObject({
      worker: "a",
      agrees: ["b"],
    });
    slice.take(claim("a", right), vector(slice, 5)); // the root is now the left half's vector plus five
    expect(slice.take(audit("c", left), vector(slice, 1)).comparison).toMatchObject({ agrees: ["b", "a"] });
  });

  it("takes one audit a worker and four values in all; a node that nobody watches takes none", () => {
    const slice = sliceAt();
    slice.watch(0, left);
    const verdicts = ["a", "a", "b", "c", "d", "e"].map((worker) => {
      const judged = slice.judge(audit(worker, left));
      expect(slice.take(audit(worker, left), vector(slice, 1)).verdict).toBe(judged);
      return judged;
    });
    expect(verdicts).toEqual(["wanted", "dropped", "wanted", "wanted", "wanted", "dropped"]);
    expect(slice.judge(audit("a", right))).toBe("stale");
    // The sum itself is taken although no room is left to compare it.
    expect(slice.take(claim("f", left), vector(slice, 1))).toMatchObject({
      verdict: "wanted",
      comparison: null,
    });
  });

  it("is forgotten when the step ends or begins again, and watched only in its own step", () => {
    const slice = sliceAt();
    slice.watch(0, left);
    slice.begin(beginning({ attempt: 1 }));
    expect(slice.judge({ ...audit("b", left), attempt: 1 })).toBe("stale");
    slice.watch(0, left);
    slice.take(claim("a", root, { attempt: 1 }), vector(slice, 1));
    slice.apply(adamStep);
    expect(slice.judge({ ...audit("b", left), attempt: 1 })).toBe("stale");
    slice.begin(beginning({ step: 1 }));
    slice.watch(0, left);
    expect(slice.judge({ ...audit("b", left), step: 1 })).toBe("stale");
  });

  it("of a mixed fleet agrees within the tolerance; what is not a number agrees with nothing", () => {
    const a = Float32Array.of(3, 4, 0);
    expect(agree(a, Float32Array.of(3, 4.005, 0), 1e-3)).toBe(true); // 0.005 <= 1e-3 * 5.004
    expect(agree(a, Float32Array.of(3, 4.0051, 0), 1e-3)).toBe(false);
    expect(agree(a, Float32Array.of(3, 4.005, 0), 0)).toBe(false);
    expect(agree(a, a.slice(), 0)).toBe(true);
    expect(agree(new Float32Array(3), new Float32Array(3), 1e-3)).toBe(true);
    expect(agree(Float32Array.of(0, 0, 0), Float32Array.of(0, 1e-30, 0), 1e-3)).toBe(false);
    const broken = Float32Array.of(3, Number.NaN, 0);
    expect(agree(broken, broken.slice(), 1e-3)).toBe(false);
    const endless = Float32Array.of(3, Number.POSITIVE_INFINITY, 0);
    expect(agree(endless, endless.slice(), 1e-3)).toBe(false);
    const largest = new Float32Array(3).fill(3.4e38);
    expect(agree(largest, largest.slice(), 1e-3)).toBe(true);
  });
});

/** A stream of a worker whose chunks the test writes; answers in order. */
function upload(cluster: SliceCluster) {
  const client = new (tensorService())(
    `127.0.0.1:${cluster.endpoints[0]?.port}`,
    grpc.credentials.createInsecure(),
    channelOptions,
  );
  const open = client["upload" as keyof grpc.Client] as unknown as () => grpc.ClientDuplexStream<
    object,
    { status: string }
  >;
  const call = open.call(client);
  call.on("error", () => undefined);
  closers.push(
    () => client.close(),
    () => call.cancel(),
  );
  const answers: string[] = [];
  call.on("data", (ack: { status: string }) => answers.push(ack.status));
  const send = (values: Float32Array, change: object = {}, part = { begin: 0, end: values.length }) =>
    call.write({
      run: identity.run,
      generation: identity.generation,
      step: 0,
      attempt: 0,
      slice: 0,
      beginLane: left.begin,
      endLane: left.end,
      kind: "GRADIENT",
      offset: part.begin,
      data: bytesOf(values.subarray(part.begin, part.end)),
      crc32c: crc32c(bytesOf(values)),
      worker: "w",
      ...change,
    });
  return { send, answers };
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 5) {
    if (waited > 10_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe("on the wire", () => {
  const started = async () => {
    const cluster = await SliceCluster.start(1_000);
    closers.push(() => cluster.close());
    cluster.load(new Float32Array(1_000));
    cluster.begin(0);
    return cluster;
  };

  it("an upload whose first half came before the step began again is stale, and its values are nowhere", async () => {
    const cluster = await started();
    const { send, answers } = upload(cluster);
    const values = new Float32Array(1_000).fill(1);
    send(values, { beginLane: 2, endLane: 4 });
    await until(() => answers.length === 1, "the other half");
    send(values, {}, { begin: 0, end: 500 });
    await new Promise((resolve) => setTimeout(resolve, 50)); // the first half is there
    cluster.begin(0, [0, 1, 2, 3], { attempt: 1 });
    send(values, {}, { begin: 500, end: 1_000 });
    await until(() => answers.length === 2, "the answer");
    expect(answers).toEqual(["ACCEPTED", "STALE"]);
    expect(cluster.first.whole).toEqual([]);
    send(values, { attempt: 1, beginLane: 0, endLane: 4 });
    await until(() => answers.length === 3, "the next attempt");
    expect(cluster.first.whole).toEqual([0]);
  });

  it("an upload of the next attempt waits until the slice has begun it", async () => {
    const cluster = await started();
    const { send, answers } = upload(cluster);
    send(new Float32Array(1_000), { attempt: 1, beginLane: 0, endLane: 4 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answers).toEqual([]);
    cluster.begin(0, [0, 1, 2, 3], { attempt: 1 });
    await until(() => answers.length === 1, "the answer");
    expect(answers).toEqual(["ACCEPTED"]);
  });

  it("audits are answered and told; the same worker's second is dropped, an unasked one is stale", async () => {
    const cluster = await started();
    cluster.watch(0, left);
    const { send, answers } = upload(cluster);
    const values = new Float32Array(1_000).fill(2);
    send(values, { worker: "a" });
    send(values, { worker: "b", kind: "AUDIT" });
    send(values, { worker: "b", kind: "AUDIT" });
    send(values, { worker: "b", kind: "AUDIT", beginLane: 2, endLane: 4 });
    await until(() => answers.length === 4, "four answers");
    expect(answers).toEqual(["ACCEPTED", "ACCEPTED", "DROPPED", "STALE"]);
    expect(cluster.first.compared).toEqual([{ node: left, worker: "b", agrees: ["a"], differs: [] }]);
    expect(cluster.first.whole).toEqual([]);
  });
});
