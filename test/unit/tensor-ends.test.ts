/**
 * A worker's real ends against real slice servers, under attempts and audits: every partial says who computed it and
 * for which attempt, what is over is not sent, and weights that begin to arrive are known before they are whole.
 */
import { afterEach, describe, expect, it } from "vitest";
import { PartialSender } from "../../worker/gradient-upload.js";
import { WeightsReceiver } from "../../worker/weights-receiver.js";
import { identity, SliceCluster } from "../support/slice-cluster.js";

const count = 9_000;
const lanes = [0, 1, 2, 3];
const left = { begin: 0, end: 2 };
const right = { begin: 2, end: 4 };
const first = { step: 0, attempt: 0 };
const vector = (value: number) => new Float32Array(count).fill(value);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function start(reducers = 2, tolerance = 0): Promise<SliceCluster> {
  const cluster = await SliceCluster.start(count, reducers, tolerance);
  closers.push(() => cluster.close());
  cluster.load(vector(0));
  cluster.begin(0);
  return cluster;
}

const common = (cluster: SliceCluster) => ({
  host: "127.0.0.1",
  run: identity.run,
  generation: identity.generation,
  slices: cluster.endpoints,
  onBytes: () => undefined,
  onBroken: () => undefined,
});

function senderOf(cluster: SliceCluster, worker: string, change: object = {}): PartialSender {
  const sender = new PartialSender({ ...common(cluster), worker, ...change });
  closers.push(() => sender.close());
  return sender;
}

function receiverOf(cluster: SliceCluster, onVersion: (step: number) => void): WeightsReceiver {
  const receiver = new WeightsReceiver({ ...common(cluster), onVersion });
  closers.push(() => receiver.close());
  return receiver;
}

describe("partials", () => {
  it("say who computed them: a banned worker's are stale, another's go on", async () => {
    const cluster = await start();
    cluster.begin(0, lanes, { attempt: 1, banned: ["liar"] });
    const at = { step: 0, attempt: 1 };
    const sent = senderOf(cluster, "liar").send(at, left, vector(1));
    await expect(sent).rejects.toMatchObject({ code: "INTERRUPTED" });
    await senderOf(cluster, "honest").send(at, left, vector(1));
    await senderOf(cluster, "honest").send(at, right, vector(1));
    expect(cluster.slices.map(({ whole }) => whole)).toEqual([[0], [0]]);
  });

  it("of an attempt that is past are stale in every slice, and the stream goes on with the next", async () => {
    const cluster = await start();
    const sender = senderOf(cluster, "w");
    await sender.send(first, left, vector(1));
    cluster.begin(0, lanes, { attempt: 1 });
    await expect(sender.send(first, right, vector(1))).rejects.toMatchObject({ code: "INTERRUPTED" });
    await sender.send({ step: 0, attempt: 1 }, { begin: 0, end: 4 }, vector(1));
    expect(cluster.slices.map(({ whole }) => whole)).toEqual([[0], [0]]);
  });

  it("are not sent at all when the worker knows that they are over, also those that wait for others", async () => {
    const cluster = await start(1);
    let sentBytes = 0;
    let isOver = false;
    const sender = senderOf(cluster, "w", {
      isOver: () => isOver,
      onBytes: (bytes: number) => {
        sentBytes += bytes;
        isOver = true; // known while the first is on its way
      },
    });
    const sends = [sender.send(first, left, vector(1)), sender.send(first, right, vector(1))];
    expect((await Promise.allSettled(sends)).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await expect(sends[1]).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(sentBytes).toBe(count * 4);
  });

  it("as audits are compared in every slice and never complete a root", async () => {
    const cluster = await start();
    cluster.watch(0, left);
    await senderOf(cluster, "a").send(first, left, vector(1));
    await senderOf(cluster, "b").sendAudit(first, left, vector(1));
    const wrong = vector(1);
    wrong[count - 1] = 2; // in the second slice only
    await senderOf(cluster, "c").sendAudit(first, left, wrong);
    const [one, two] = cluster.slices.map(({ compared }) => compared);
    expect(one).toEqual([
      { node: left, worker: "b", agrees: ["a"], differs: [] },
      { node: left, worker: "c", agrees: ["a", "b"], differs: [] },
    ]);
    expect(two?.[1]).toEqual({ node: left, worker: "c", agrees: [], differs: ["a", "b"] });
    expect(cluster.slices.flatMap(({ whole }) => whole)).toEqual([]);
    const unasked = senderOf(cluster, "b").sendAudit(first, right, vector(1));
    await expect(unasked).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("as audits of a mixed fleet may differ by the tolerance", async () => {
    const cluster = await start(1, 1e-3);
    cluster.watch(0, left);
    await senderOf(cluster, "a").send(first, left, vector(1));
    await senderOf(cluster, "b").sendAudit(first, left, vector(1.0009));
    await senderOf(cluster, "c").sendAudit(first, left, vector(1.0025));
    expect(cluster.first.compared).toMatchObject([
      { worker: "b", agrees: ["a"], differs: [] },
      { worker: "c", agrees: [], differs: ["a", "b"] },
    ]);
  });
});

describe("weights", () => {
  it("are announced when they begin to arrive, once per version", async () => {
    const cluster = await start(3);
    const told: number[] = [];
    const receiver = receiverOf(cluster, (step) => told.push(step));
    (await receiver.at(0)).release();
    for (const step of [0, 1, 2]) {
      cluster.begin(step);
      cluster.skip();
      (await receiver.at(step + 1)).release();
    }
    expect(told).toEqual([0, 1, 2, 3]);
  });
});
