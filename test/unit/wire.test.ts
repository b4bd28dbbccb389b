/** Vectors on either wire: what arrives, what a window lets through, and which weights are exact. */
import { connect } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { decodeInto, encodeVector } from "../../shared/grpc/wire.js";
import { roundToBfloat16 } from "../../shared/kernels/bfloat16.js";
import { limits } from "../../shared/limits.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { WeightsReceiver } from "../../worker/weights-receiver.js";
import { identity, SliceCluster } from "../support/slice-cluster.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const count = 600_000;
const ramp = (scale: number) => Float32Array.from({ length: count }, (_, i) => ((i % 2003) - 1001) * scale);
/** Vectors are long: compared as bytes. */
const isSame = (a: Float32Array, b: Float32Array) => Buffer.from(bytesOf(a)).equals(bytesOf(b));
const rounded = (values: Float32Array) => {
  const copy = values.slice();
  roundToBfloat16(copy);
  return copy;
};

function endsOf(cluster: SliceCluster, wire: "float32" | "bfloat16") {
  const sent = { up: 0, down: 0 };
  const common = {
    host: "127.0.0.1",
    run: identity.run,
    generation: identity.generation,
    slices: cluster.endpoints,
    onBroken: () => undefined,
  };
  const partials = new PartialSender({
    ...common,
    wire,
    worker: "w",
    onBytes: (bytes) => {
      sent.up += bytes;
    },
  });
  const weights = new WeightsReceiver({
    ...common,
    onBytes: (bytes) => {
      sent.down += bytes;
    },
  });
  closers.push(() => {
    partials.close();
    weights.close();
    cluster.close();
  });
  return { partials, weights, sent };
}

describe("the bfloat16 wire", () => {
  it("halves gradients and weights, rounds weights from the exact ones in every step, and keeps those exact", async () => {
    const cluster = await SliceCluster.start(count, 3, 0, "bfloat16");
    const { partials, weights, sent } = endsOf(cluster, "bfloat16");
    await partials.sendInitial(ramp(1.0001e-3));
    expect(sent.up).toBe(4 * count);
    const first = await weights.at(0);
    expect(first.exact).toBe(true);
    expect(isSame(first.parameters, ramp(1.0001e-3))).toBe(true);
    first.release();

    cluster.begin(0, [0]);
    await partials.send({ step: 0, attempt: 0 }, { begin: 0, end: identity.lanes }, rounded(ramp(1e-2)));
    expect(sent.up).toBe(4 * count + 2 * count);
    cluster.apply();
    const second = await weights.at(1);
    expect(second.exact).toBe(false);
    expect(isSame(cluster.weights, rounded(cluster.weights))).toBe(false);
    expect(isSame(second.parameters, rounded(cluster.weights))).toBe(true);
    expect(sent.down).toBe(4 * count + 2 * count);
    second.release();
  });

  it("sends exact weights where they are evaluated", async () => {
    const cluster = await SliceCluster.start(count, 1, 0, "bfloat16");
    const { partials, weights } = endsOf(cluster, "bfloat16");
    await partials.sendInitial(ramp(1.0001e-3));
    cluster.begin(0, [0]);
    await partials.send({ step: 0, attempt: 0 }, { begin: 0, end: identity.lanes }, rounded(ramp(1e-2)));
    cluster.apply(true);
    const { exact, parameters } = await weights.at(1);
    expect(exact).toBe(true);
    expect(isSame(parameters, cluster.weights)).toBe(true);
  });
});

describe("a vector's bytes", () => {
  it("come back the same at any place, whatever their alignment", () => {
    for (const wire of ["float32", "bfloat16"] as const) {
      const values = rounded(ramp(3e-3)).subarray(0, 1001);
      const target = new Float32Array(2000);
      const bytes = Buffer.concat([Buffer.alloc(3), encodeVector(values, wire)]).subarray(3);
      decodeInto(target, 7, bytes, wire);
      expect(target.subarray(7, 1008)).toEqual(values);
      expect(target[1008]).toBe(0);
    }
  });
});

describe("a reducer's receive window", () => {
  it("is announced to each client that connects, for a stream and for the connection", async () => {
    const cluster = await SliceCluster.start(1_000);
    const session = connect(`http://127.0.0.1:${cluster.endpoints[0]?.port}`);
    closers.push(
      () => cluster.close(),
      () => session.destroy(),
    );
    await expect
      .poll(() => [session.remoteSettings?.initialWindowSize, session.state.remoteWindowSize])
      .toEqual([limits.receiveWindowBytes, limits.receiveWindowBytes]);
  });
});
