/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a JSON
 * header, then the tensors' bytes without gaps in the order given. With a model's tensors in layer order the body is
 * the flat vector. Owns the format only; which tensors a checkpoint holds is the checkpoint's.
 */
import { z } from "zod";
import { TrainyardError } from "./errors.js";
import type { SizedStream } from "./store/object-store.js";

type Shaped = { readonly name: string; readonly shape: readonly number[] };
/** A whole tensor, row-major, with as many elements as its shape says. */
export type NamedTensor =
  | (Shaped & { readonly dtype: "F32"; readonly data: Float32Array })
  | (Shaped & { readonly dtype: "F64"; readonly data: Float64Array })
  | (Shaped & { readonly dtype: "I32"; readonly data: Int32Array })
  | (Shaped & { readonly dtype: "U8"; readonly data: Uint8Array });
/** The element type of a tensor. */
export type TensorType = NamedTensor["dtype"];
/** Text metadata of a safetensors file. */
export type Metadata = Readonly<Record<string, string>>;

/** The content of a safetensors file. */
export interface DecodedTensors {
  /** In the order of their bytes. Views of the given buffer where its alignment allows it, else copies. */
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Metadata;
  /** All tensors' bytes: a view. */
  readonly body: Uint8Array;
}

const bytesOf: Readonly<Record<TensorType, number>> = { F32: 4, F64: 8, I32: 4, U8: 1 };
const alignment = 8;
const lengthBytes = 8;
/** The reference implementation's limit. */
const headerBytesMax = 100_000_000;
const metadataKey = "__metadata__";

const HeaderEntry = z.object({
  dtype: z.enum(["F32", "F64", "I32", "U8"]),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});
type HeaderEntry = z.infer<typeof HeaderEntry>;

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
const asBytes = (data: NamedTensor["data"]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The file as a body for ObjectStore.put, without a copy: the tensors must not change until it is written. */
export function safetensorsStream(tensors: readonly NamedTensor[], metadata: Metadata = {}): SizedStream {
  const header = encodeHeader(tensors, metadata);
  const bytes = header.length + tensors.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
  async function* chunks() {
    yield header;
    for (const tensor of tensors) yield asBytes(tensor.data);
  }
  return { bytes, chunks: chunks() };
}

/** Written piece by piece: an object would put names like "0" first. Padded with spaces to 8 bytes. */
function encodeHeader(tensors: readonly NamedTensor[], metadata: Metadata): Uint8Array {
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0)
    entries.push(`${JSON.stringify(metadataKey)}:${JSON.stringify(metadata)}`);
  const names = new Set<string>([metadataKey]);
  let at = 0;
  for (const tensor of tensors) {
    checkTensor(tensor, names);
    const entry = {
      dtype: tensor.dtype,
      shape: tensor.shape,
      data_offsets: [at, at + tensor.data.byteLength],
    };
    entries.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`);
    at += tensor.data.byteLength;
  }
  const json = Buffer.from(`{${entries.join(",")}}`);
  const padded = Math.ceil(json.length / alignment) * alignment;
  const header = new Uint8Array(lengthBytes + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, lengthBytes);
  return header;
}

function checkTensor(tensor: NamedTensor, names: Set<string>): void {
  const { name, shape, data } = tensor;
  if (names.has(name)) throw new TrainyardError("USAGE", `two tensors are called ${JSON.stringify(name)}`);
  names.add(name);
  if (elements(shape) !== data.length) {
    const message = `the tensor ${JSON.stringify(name)} of shape [${shape}] has ${data.length} elements`;
    throw new TrainyardError("USAGE", message);
  }
}

/** `what` names the file in errors. Errors: DAMAGED for anything that is not a whole, gapless safetensors file. */
export function decodeSafetensors(file: Uint8Array, what: string): DecodedTensors {
  const { entries, metadata, bodyBegin } = decodeHeader(file, what);
  const body = file.subarray(bodyBegin);
  let at = 0;
  const tensors = entries.map(([name, entry]) => {
    const [begin, end] = entry.data_offsets;
    if (begin !== at) throw damaged(what, `tensor ${JSON.stringify(name)} begins at ${begin}, not at ${at}`);
    if (end > body.length) throw damaged(what, `tensor ${JSON.stringify(name)} ends behind the file's end`);
    if (end - begin !== elements(entry.shape) * bytesOf[entry.dtype]) {
      throw damaged(
        what,
        `tensor ${JSON.stringify(name)} of shape [${entry.shape}] has ${end - begin} bytes`,
      );
    }
    at = end;
    return asTensor(name, entry, body.subarray(begin, end));
  });
  if (at !== body.length) throw damaged(what, `${body.length - at} bytes at its end belong to no tensor`);
  return { tensors, metadata, body };
}

function decodeHeader(file: Uint8Array, what: string) {
  if (file.length < lengthBytes) throw damaged(what, `it has only ${file.length} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(headerBytesMax, file.length - lengthBytes))) {
    throw damaged(what, `its header says ${headerBytes} bytes, more than there are or may be`);
  }
  const bodyBegin = lengthBytes + Number(headerBytes);
  const json = parseJson(file.subarray(lengthBytes, bodyBegin), what);
  const metadata = z.record(z.string(), z.string()).safeParse(json.get(metadataKey) ?? {});
  if (!metadata.success) throw damaged(what, "its metadata are not strings");
  json.delete(metadataKey);
  const entries = [...json].map(([name, value]) => {
    const entry = HeaderEntry.safeParse(value);
    if (!entry.success) throw damaged(what, `the header entry of tensor ${JSON.stringify(name)} is not one`);
    return [name, entry.data] as const;
  });
  entries.sort(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  return { entries, metadata: metadata.data, bodyBegin };
}

function parseJson(bytes: Uint8Array, what: string): Map<string, unknown> {
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof json === "object" && json !== null && !Array.isArray(json))
      return new Map(Object.entries(json));
  } catch (error) {
    throw damaged(what, "its header is not JSON", error);
  }
  throw damaged(what, "its header is not a JSON object");
}

/** `bytes` holds exactly the tensor. A typed array needs its own alignment within the buffer; a copy has it. */
function asTensor(name: string, entry: HeaderEntry, bytes: Uint8Array): NamedTensor {
  const { dtype, shape } = entry;
  const aligned = bytes.byteOffset % bytesOf[dtype] === 0 ? bytes : Uint8Array.from(bytes);
  const place = [aligned.buffer, aligned.byteOffset, aligned.length / bytesOf[dtype]] as const;
  switch (dtype) {
    case "F32":
      return { name, shape, dtype, data: new Float32Array(...place) };
    case "F64":
      return { name, shape, dtype, data: new Float64Array(...place) };
    case "I32":
      return { name, shape, dtype, data: new Int32Array(...place) };
    case "U8":
      return { name, shape, dtype, data: new Uint8Array(...place) };
  }
}

function damaged(what: string, reason: string, cause?: unknown): TrainyardError {
  return new TrainyardError("DAMAGED", `${what} is not a whole safetensors file: ${reason}`, { cause });
}
