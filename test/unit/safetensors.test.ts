/** Safetensors: a file that the reference implementation also reads, and damage that never passes. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  decodeSafetensors,
  type Metadata,
  type NamedTensor,
  safetensorsStream,
} from "../../shared/safetensors.js";
import { collect } from "../support/bodies.js";

const tensors: readonly NamedTensor[] = [
  { name: "conv2d_1/kernel", dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -2.5, 3e-8, 4, 5, 6) },
  { name: "10", dtype: "F32", shape: [1], data: Float32Array.of(0.1) },
  { name: "2", dtype: "I32", shape: [2], data: Int32Array.of(-1, 2147483647) },
  { name: "beta products", dtype: "F64", shape: [], data: Float64Array.of(Math.PI) },
  { name: "猫", dtype: "U8", shape: [3, 1], data: Uint8Array.of(0, 127, 255) },
  { name: "empty", dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
];
const metadata = { format: "trainyard", note: 'O\'Neil "14" 猫' };
const goldenFile = new URL("../golden/tensors.safetensors", import.meta.url);

/** The file in one buffer of its own. */
const written = async (of: readonly NamedTensor[], notes?: Metadata) =>
  Uint8Array.from(await collect(safetensorsStream(of, notes).chunks));

/** A file of this header and body, as a damaged or foreign writer might leave it. */
function fileOf(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, body]);
}

describe("a safetensors file", () => {
  test("comes back as it was, in the order given", async () => {
    const decoded = decodeSafetensors(await written(tensors, metadata), "file");
    expect(decoded.tensors).toEqual(tensors);
    expect(decoded.metadata).toEqual(metadata);
  });

  test("has the bytes of the golden file, which Python's safetensors reads", async () => {
    expect(Buffer.compare(await written(tensors, metadata), await readFile(goldenFile))).toBe(0);
    expect(decodeSafetensors(await readFile(goldenFile), "golden").tensors).toEqual(tensors);
  });

  test("has the announced length", async () => {
    expect(safetensorsStream(tensors, metadata).bytes).toBe((await written(tensors, metadata)).length);
  });

  test("of float32 tensors has the flat vector as its body, without a copy", async () => {
    const vector = Float32Array.from({ length: 10 }, (_, i) => i / 3);
    const file = await written([
      { name: "b", dtype: "F32", shape: [4], data: vector.subarray(0, 4) },
      { name: "a", dtype: "F32", shape: [2, 3], data: vector.subarray(4) },
    ]);
    const { body, tensors: read } = decodeSafetensors(file, "file");
    expect(new Float32Array(body.buffer, body.byteOffset, 10)).toEqual(vector);
    expect(body.byteOffset % 8).toBe(0);
    for (const tensor of read) expect(tensor.data.buffer).toBe(file.buffer);
  });

  test("is read from a buffer of any alignment", async () => {
    const file = await written(tensors, metadata);
    for (let shift = 1; shift < 8; shift += 1) {
      const shifted = new Uint8Array(file.length + shift);
      shifted.set(file, shift);
      expect(decodeSafetensors(shifted.subarray(shift), "file").tensors).toEqual(tensors);
    }
  });

  test("without tensors is a file too", async () => {
    expect(decodeSafetensors(await written([]), "file")).toMatchObject({ tensors: [], metadata: {} });
  });

  test.each([0, 7, 8, 20, -1])("cut to %i bytes is damaged", async (bytes) => {
    const file = (await written(tensors, metadata)).slice(0, bytes);
    expect(() => decodeSafetensors(file, "weights of run x")).toThrow(
      expect.objectContaining({ code: "DAMAGED", message: expect.stringContaining("weights of run x") }),
    );
  });

  const eight = new Uint8Array(8);
  const entry = (begin: number, end: number, shape = [2], dtype = "F32") =>
    JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
  test.each([
    ["bytes behind the last tensor", fileOf(`{"a":${entry(0, 8)}}`, new Uint8Array(9))],
    ["a gap", fileOf(`{"a":${entry(1, 8)}}`, eight)],
    ["an overlap", fileOf(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, new Uint8Array(12))],
    ["the same bytes twice", fileOf(`{"a":${entry(0, 8)},"b":${entry(0, 8)}}`, eight)],
    ["a size that is not the shape's", fileOf(`{"a":${entry(0, 8, [3])}}`, eight)],
    ["an end before its beginning", fileOf(`{"a":${entry(8, 0)}}`, eight)],
    ["an end behind the file's", fileOf(`{"a":${entry(0, 16, [4])}}`, eight)],
    ["an unknown type", fileOf(`{"a":${entry(0, 8, [2], "F31")}}`, eight)],
    ["a negative shape", fileOf(`{"a":${entry(0, 8, [-2])}}`, eight)],
    ["a header that is no JSON", fileOf("{", eight)],
    ["a header that is a list", fileOf("[]", eight)],
    ["a header that is no UTF-8", fileOf("{}", eight).fill(0xff, 8, 10)],
    ["metadata that are no strings", fileOf('{"__metadata__":{"a":1}}')],
    ["a length beyond all bounds", new Uint8Array(8).fill(0xff)],
  ])("with %s is damaged", (_, file) => {
    expect(() => decodeSafetensors(file, "file")).toThrow(expect.objectContaining({ code: "DAMAGED" }));
  });

  test("is not written from tensors that contradict themselves", () => {
    const one = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const;
    expect(() => safetensorsStream([{ ...one, name: "a", shape: [3] }])).toThrow(
      /shape \[3\] has 2 elements/,
    );
    expect(() =>
      safetensorsStream([
        { ...one, name: "a" },
        { ...one, name: "a" },
      ]),
    ).toThrow(/two tensors/);
    expect(() => safetensorsStream([{ ...one, name: "__metadata__" }])).toThrow(/two tensors/);
  });
});
