/**
 * The tensor plane on loopback: real slice servers and the worker's real ends. Sizes don't matter, every whole
 * partial is answered once, a bad one never hurts another stream, versions arrive whole, and no wait is endless.
 */
import * as grpc from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { realClock } from "../../shared/clock.js";
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { channelOptions, tensorService } from "../../shared/grpc/protocol.js";
import { limits } from "../../shared/limits.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { WeightsReceiver } from "../../worker/weights-receiver.js";
import { identity, SliceCluster } from "../support/slice-cluster.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function clusterOf(parameterCount: number, reducers = 1, clock = realClock): Promise<SliceCluster> {
  const cluster = await SliceCluster.start(parameterCount, reducers, 0, "float32", { clock });
  closers.push(() => cluster.close());
  return cluster;
}

/** A worker's two ends, and what broke them. */
function workerOf(
  cluster: SliceCluster,
  change: { run?: string; silenceMs?: number; onBytes?: (bytes: number) => void } = {},
) {
  const broken: Error[] = [];
  const options = {
    host: "127.0.0.1",
    run: identity.run,
    generation: identity.generation,
    slices: cluster.endpoints,
    worker: "w",
    onBroken: (error: Error) => void broken.push(error),
    onBytes: () => undefined,
    ...change,
  };
  const partials = new PartialSender(options);
  const weights = new WeightsReceiver({ ...options, onBytes: () => undefined });
  closers.push(() => {
    partials.close();
    weights.close();
  });
  return { partials, weights, broken };
}

const ramp = (length: number, scale = 1) => {
  const vector = new Float32Array(length);
  for (let i = 0; i < length; i += 1) vector[i] = Math.fround(((i % 1013) - 500) * scale);
  return vector;
};
const at = (step: number) => ({ step, attempt: 0 });
const root = { begin: 0, end: identity.lanes };
const lane = (index: number) => ({ begin: index, end: index + 1 });
const checksum = (vector: Float32Array) => crc32c(bytesOf(vector));

/** An upload stream of chunks that a test writes itself; answers in the order in which they come. */
function rawUpload(port: number) {
  const client = new (tensorService())(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
    channelOptions,
  );
  closers.push(() => client.close());
  const upload = client["upload" as keyof grpc.Client] as unknown as () => grpc.ClientDuplexStream<
    object,
    { status: string }
  >;
  const call = upload.call(client);
  const answers: string[] = [];
  const ended = new Promise<string>((resolve) => {
    call.on("data", (ack: { status: string }) => answers.push(ack.status));
    call.on("error", (error: grpc.ServiceError) => resolve(`${error.code} ${error.details}`));
    call.on("end", () => resolve("end"));
  });
  closers.push(() => call.cancel());
  return { call, answers, ended };
}

function chunkOf(vector: Float32Array, change: object = {}) {
  return {
    run: identity.run,
    generation: identity.generation,
    step: 0,
    slice: 0,
    beginLane: root.begin,
    endLane: root.end,
    kind: "GRADIENT",
    offset: 0,
    data: bytesOf(vector),
    crc32c: checksum(vector),
    ...change,
  };
}

const until = async (isTrue: () => boolean, what: string) => {
  for (let waited = 0; !isTrue(); waited += 5) {
    if (waited > 10_000) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe("a model of any size", () => {
  const sizes: [number, number][] = [
    [2, 1],
    [limits.chunkBytes / 4, 1],
    [1_048_575, 1],
    [1_048_577, 3],
    [30_000_000, 2],
  ];
  it.each(sizes)(
    "%i parameters in %i slices go up, are updated, and come down the same",
    async (count, reducers) => {
      const cluster = await clusterOf(count, reducers);
      const { partials, weights, broken } = workerOf(cluster);
      await partials.sendInitial(ramp(count, 1e-3));
      cluster.begin(0);
      const first = await weights.at(0);
      expect(checksum(first.parameters)).toBe(checksum(ramp(count, 1e-3)));
      first.release();
      await partials.send(at(0), root, ramp(count));
      cluster.apply();
      const second = await weights.at(1);
      expect(checksum(second.parameters)).toBe(checksum(cluster.weights));
      expect(checksum(second.parameters)).not.toBe(checksum(ramp(count, 1e-3)));
      second.release();
      expect(broken).toEqual([]);
      for (const slice of cluster.slices) expect(slice.refused).toEqual([]);
    },
  );
});

describe("an upload", () => {
  it("that comes again, or lies below what is there, is dropped, and its worker goes on", async () => {
    const cluster = await clusterOf(5_000);
    cluster.load(ramp(5_000));
    cluster.begin(0);
    const [a, b] = [workerOf(cluster), workerOf(cluster)];
    await a.partials.send(at(0), { begin: 0, end: 2 }, ramp(5_000));
    await b.partials.send(at(0), { begin: 0, end: 2 }, ramp(5_000));
    await b.partials.send(at(0), lane(1), ramp(5_000, 7));
    await b.partials.send(at(0), { begin: 2, end: 4 }, ramp(5_000));
    expect(cluster.first.refused).toEqual(["DROPPED", "DROPPED"]);
    expect(cluster.first.whole).toEqual([0]);
    await b.partials.send(at(0), root, ramp(5_000, 7));
    cluster.apply();
    await a.partials.send(at(0), lane(0), ramp(5_000));
    expect(cluster.first.refused).toEqual(["DROPPED", "DROPPED", "DROPPED", "DROPPED"]);
    expect([...a.broken, ...b.broken]).toEqual([]);
  });

  it("of a past step, another run or generation is stale: the sender learns that the step is over", async () => {
    const cluster = await clusterOf(5_000);
    cluster.load(ramp(5_000));
    cluster.begin(7);
    const { partials } = workerOf(cluster);
    const stranger = workerOf(cluster, { run: "another" });
    await expect(partials.send(at(6), root, ramp(5_000))).rejects.toMatchObject({ code: "INTERRUPTED" });
    await expect(stranger.partials.send(at(7), root, ramp(5_000))).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    await partials.send(at(7), root, ramp(5_000));
    expect(cluster.first.refused).toEqual(["STALE", "STALE"]);
    expect(cluster.first.whole).toEqual([7]);
  });

  it("of a step that has not begun waits for it, in every number", async () => {
    const cluster = await clusterOf(700_000);
    cluster.load(ramp(700_000));
    cluster.begin(0);
    const workers = [0, 1, 2, 3].map(() => workerOf(cluster));
    const sent = workers.map(({ partials }, index) => partials.send(at(2), lane(index), ramp(700_000)));
    let isSent = false;
    void Promise.all(sent).then(() => {
      isSent = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    cluster.begin(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isSent).toBe(false);
    cluster.begin(2);
    await Promise.all(sent);
    expect(cluster.first.whole).toEqual([2]);
    expect(cluster.first.refused).toEqual([]);
  });

  it("with a wrong CRC, in disorder or too long is answered CORRUPT once, and right when sent again", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    cluster.begin(0);
    const { call, answers } = rawUpload(cluster.endpoints[0]?.port ?? 0);
    const whole = ramp(3_000);
    const part = (begin: number, end: number) => bytesOf(whole.subarray(begin, end));
    const third = (index: number, offset = index * 1_000) =>
      chunkOf(whole, { offset, data: part(index * 1_000, index * 1_000 + 1_000) });
    call.write(chunkOf(whole, { crc32c: 1 }));
    call.write(third(0));
    call.write(third(2)); // the middle is missing: answered here, the rest is passed over
    call.write(third(2));
    call.write(chunkOf(ramp(3_001)));
    call.write(chunkOf(whole, { data: Buffer.alloc(0) }));
    call.write(chunkOf(whole, { data: part(0, 3_000).subarray(1) }));
    for (const index of [0, 1, 2]) call.write(third(index));
    await until(() => answers.length >= 6, "six answers");
    expect(answers).toEqual(["CORRUPT", "CORRUPT", "CORRUPT", "CORRUPT", "CORRUPT", "ACCEPTED"]);
    expect(cluster.first.whole).toEqual([0]);
  });

  it("that is corrupted on the way is sent again by the worker; three times, and it gives up", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    cluster.begin(0);
    const vector = ramp(3_000);
    // An element changes between the CRC, which is taken first, and the wire.
    const spoiledOn = (attempts: number) => {
      let attempt = 0;
      return () => {
        attempt += 1;
        vector[5] = attempt <= attempts ? attempt : (ramp(6)[5] as number);
      };
    };
    await workerOf(cluster, { onBytes: spoiledOn(2) }).partials.send(at(0), lane(0), vector);
    expect(cluster.first.refused).toEqual(["CORRUPT", "CORRUPT"]);
    const hopeless = workerOf(cluster, { onBytes: spoiledOn(3) });
    await expect(hopeless.partials.send(at(0), lane(1), vector)).rejects.toMatchObject({ code: "DAMAGED" });
    await workerOf(cluster).partials.send(at(0), lane(1), vector);
    await workerOf(cluster).partials.send(at(0), { begin: 2, end: 4 }, vector);
    expect(cluster.first.whole).toEqual([0]);
  });

  it("malformed ends its own stream with a reason, and no other", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    cluster.begin(0);
    const port = cluster.endpoints[0]?.port ?? 0;
    const good = workerOf(cluster);
    const noNode = rawUpload(port);
    noNode.call.write(chunkOf(ramp(3_000), { beginLane: 1, endLane: 3 }));
    expect(await noNode.ended).toMatch(/^3 .*no node 1-3/);
    const tooLarge = rawUpload(port);
    tooLarge.call.write(chunkOf(ramp(3_000), { step: "9007199254740993" }));
    expect(await tooLarge.ended).toMatch(/^3 .*step: a whole number up to 2\^53/);
    await good.partials.send(at(0), root, ramp(3_000));
    expect(cluster.first.whole).toEqual([0]);
    expect(good.broken).toEqual([]);
  });

  it("to a coordinator that vanishes or says nothing ends with an error, not with silence", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    cluster.begin(0);
    const silent = workerOf(cluster, { silenceMs: 100 });
    await expect(silent.partials.send(at(1), root, ramp(3_000))).rejects.toMatchObject({
      code: "UNREACHABLE",
    });
    expect(silent.broken).toHaveLength(1);
    const cut = workerOf(cluster);
    const sent = cut.partials.send(at(1), root, ramp(3_000));
    setTimeout(() => cluster.close(), 50);
    await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(cut.weights.at(9)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(cut.partials.send(at(1), root, ramp(3_000))).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("weights coming down", () => {
  it("of another run are refused with a reason", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    const stranger = workerOf(cluster, { run: "another" });
    await expect(stranger.weights.at(0)).rejects.toThrow("another run or generation");
  });

  it("are refused as over once a newer version is here, and waited for when they are not", async () => {
    const cluster = await clusterOf(3_000, 2);
    cluster.load(ramp(3_000));
    const { weights } = workerOf(cluster);
    const late = weights.at(1);
    (await weights.at(0)).release();
    cluster.begin(0);
    cluster.skip();
    cluster.begin(1);
    cluster.skip();
    await expect(weights.at(0))
      .rejects.toMatchObject({ code: "INTERRUPTED" })
      .catch(() => undefined);
    (await weights.at(2)).release();
    await expect(weights.at(1)).rejects.toMatchObject({ code: "INTERRUPTED", message: "step 1 is over" });
    await late.then(
      (version) => expect(version.step).toBe(1),
      (error) => expect(error).toMatchObject({ code: "INTERRUPTED" }),
    );
  });

  it("that never come end the wait, not the process", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    const { weights, broken } = workerOf(cluster, { silenceMs: 100 });
    await expect(weights.at(5)).rejects.toThrow("no weights came for 0.1 s");
    await expect(weights.at(5)).rejects.toThrow("no weights came for 0.1 s");
    expect(broken).toHaveLength(1);
  });

  it("take a vector each only while there is room, also when they all waited for the same step", async () => {
    const count = limits.partialsBytes / 4 + 1; // room for one in any order
    const patient = { ...realClock, nowMs: () => 0 }; // however slow the machine, nobody stops waiting for room
    const cluster = await clusterOf(count, 1, patient);
    const { vectors } = cluster.first.slice;
    const vector = new Float32Array(count);
    const sent = [3, 2, 1].map((index) => workerOf(cluster).partials.send(at(0), lane(index), vector));
    const settled = Promise.allSettled(sent);
    await new Promise((resolve) => setTimeout(resolve, 500));
    cluster.begin(0);
    let most = 0;
    for (let look = 0; look < 100; look += 1) {
      most = Math.max(most, vectors.used);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(most).toBe(1);
    await workerOf(cluster).partials.send(at(0), lane(0), vector);
    await settled;
    expect(cluster.first.whole).toEqual([0]);
  });

  it("reach a slow reader as whole versions only: the newest, never a mixture", async () => {
    const count = 2_000_000;
    const cluster = await clusterOf(count);
    cluster.load(new Float32Array(count));
    const client = new (tensorService())(
      `127.0.0.1:${cluster.endpoints[0]?.port}`,
      grpc.credentials.createInsecure(),
      channelOptions,
    );
    const call = (client["weights"] as (request: object) => grpc.ClientReadableStream<{ step: string }>).call(
      client,
      { run: identity.run, generation: identity.generation, slice: 0 },
    );
    closers.push(
      () => client.close(),
      () => call.cancel(),
    );
    call.on("error", () => undefined);
    const seen: { step: number; offset: number }[] = [];
    call.on("data", (chunk: { step: string; offset: string }) => {
      seen.push({ step: Number(chunk.step), offset: Number(chunk.offset) });
      call.pause();
      setTimeout(() => call.resume(), 10);
    });
    for (let step = 0; step < 12; step += 1) {
      cluster.begin(step);
      cluster.skip();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const chunks = Math.ceil((count * 4) / limits.chunkBytes);
    const isDone = () => seen.at(-1)?.step === 12 && seen.filter(({ step }) => step === 12).length === chunks;
    await until(isDone, "version 12");
    const versions = [...new Set(seen.map(({ step }) => step))];
    expect(versions.length).toBeLessThan(13);
    for (const version of versions) {
      expect(seen.filter(({ step }) => step === version)).toHaveLength(chunks);
    }
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it("hold no more memory after fifty versions than after five, whether they are used or not", async () => {
    const count = 500_000;
    const cluster = await clusterOf(count, 3);
    cluster.load(ramp(count));
    const { weights } = workerOf(cluster);
    const buffers = new Set<ArrayBufferLike>();
    for (let step = 0; step < 50; step += 1) {
      const version = await weights.at(step);
      buffers.add(version.parameters.buffer);
      expect(version.parameters[7]).toBe(ramp(8)[7]);
      cluster.begin(step);
      cluster.skip();
      if (step % 3 === 0) await weights.at(step + 1).then((next) => next.release());
      version.release();
    }
    expect(buffers.size).toBeLessThanOrEqual(3);
  });

  it("keep their bits while they are used, however many versions come meanwhile", async () => {
    const count = 100_000;
    const cluster = await clusterOf(count, 2);
    cluster.load(ramp(count));
    const { weights, partials } = workerOf(cluster);
    const used = await weights.at(0);
    const before = checksum(used.parameters);
    for (let step = 0; step < 6; step += 1) {
      cluster.begin(step);
      await partials.send(at(step), root, ramp(count));
      cluster.apply();
      (await weights.at(step + 1)).release();
    }
    expect(checksum(used.parameters)).toBe(before);
    used.release();
  });

  it("leave the slice with its weights and moments alone once all have them, and a late one gets them too", async () => {
    const count = 300_000;
    const cluster = await clusterOf(count);
    const { vectors } = cluster.first.slice;
    cluster.load(ramp(count));
    const [a, b] = [workerOf(cluster), workerOf(cluster)];
    (await a.weights.at(0)).release();
    cluster.begin(0);
    await a.partials.send(at(0), lane(0), ramp(count));
    expect(vectors.used).toBeGreaterThan(3);
    await b.partials.send(at(0), { begin: 1, end: 2 }, ramp(count));
    await b.partials.send(at(0), { begin: 2, end: 4 }, ramp(count));
    cluster.apply();
    const [first, second] = await Promise.all([a.weights.at(1), b.weights.at(1)]);
    await until(() => vectors.used === 3, "everything else was given back");
    const late = await workerOf(cluster).weights.at(1);
    expect(checksum(late.parameters)).toBe(checksum(first.parameters));
    expect(checksum(second.parameters)).toBe(checksum(first.parameters));
    await until(() => vectors.used === 3, "the late one's bytes were given back");
    // Weights, two moments, three partials or less, and one version.
    expect(vectors.held).toBeLessThanOrEqual(6);
  });

  it("of a closed receiver are sent no more", async () => {
    const cluster = await clusterOf(3_000);
    cluster.load(ramp(3_000));
    const { weights, broken } = workerOf(cluster);
    (await weights.at(0)).release();
    weights.close();
    await expect(weights.at(1)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(broken.map((error) => error.message)).toEqual(["the weights stream was closed"]);
    await until(() => cluster.first.tensors.readers === 0, "the server let the reader go");
  });
});
