/**
 * A checkpoint as it lies in the store (docs/design/store-and-fencing.md): one commit in whole tensors, objects first, manifest last,
 * all hashed. The coordinator writes them; an exporting worker and a resumed coordinator read them.
 */
import { z } from "zod";
import { TrainyardError } from "./errors.js";
import { refuseUnknownFormat } from "./formats.js";
import { ModelLayout } from "./layout.js";
import { decodeSafetensors, safetensorsStream } from "./safetensors.js";
import { runKey } from "./spec.js";
import type { MovingStatistics } from "./statistics.js";
import { getHashed } from "./store/hashed.js";
import type { ObjectStore, SizedStream } from "./store/object-store.js";

const HashedObject = z.object({
  key: z.string(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
});
export type HashedObject = z.infer<typeof HashedObject>;

export const CheckpointManifest = z.object({
  format: z.literal("trainyard-checkpoint/1"),
  checkpoint: z.string(),
  run: z.string(),
  step: z.number().int().nonnegative(),
  reason: z.string(),
  objects: z.array(HashedObject),
  /** Sealed segments of events and curve up to this step, in order. */
  log: z.array(HashedObject),
});
export type CheckpointManifest = z.infer<typeof CheckpointManifest>;

/** What exports need of state.json; the coordinator keeps more in it. */
const ExportableState = z.object({
  layout: ModelLayout,
  statistics: z.object({ sums: z.array(z.number()), decay: z.array(z.number()) }),
});

export const checkpointPrefix = (run: string, checkpoint: string) => runKey(run, "checkpoints", checkpoint);
export const checkpointManifestKey = (run: string, checkpoint: string) =>
  `${checkpointPrefix(run, checkpoint)}/manifest.json`;

/**
 * One flat vector as named whole tensors: the body in layer order is the vector, which must not change until it is
 * written. Nothing is copied.
 */
export function vectorStream(layout: ModelLayout, vector: Float32Array): SizedStream {
  return safetensorsStream(
    layout.parameters.map((slot) => ({
      name: slot.name,
      dtype: "F32",
      shape: slot.shape,
      data: vector.subarray(slot.offset, slot.offset + slot.size),
    })),
  );
}

/** Fills `vector`, by default a new one. Errors: DAMAGED naming the key. */
export function decodeVector(
  layout: ModelLayout,
  bytes: Uint8Array,
  key: string,
  vector: Float32Array = new Float32Array(layout.parameterCount),
): Float32Array {
  const { tensors } = decodeSafetensors(bytes, key);
  for (const slot of layout.parameters) {
    const tensor = tensors.find((candidate) => candidate.name === slot.name);
    if (!(tensor?.data instanceof Float32Array) || tensor.data.length !== slot.size) {
      throw new TrainyardError("DAMAGED", `${key} lacks the tensor ${slot.name} of ${slot.size} float32`);
    }
    vector.set(tensor.data, slot.offset);
  }
  return vector;
}

/** The generation and the step in a checkpoint's name; null when it is none. */
export function parseCheckpointId(id: string): { generation: number; step: number } | null {
  const parts = /^(\d+)-(\d+)$/.exec(id);
  return parts === null ? null : { generation: Number(parts[1]), step: Number(parts[2]) };
}

/** Errors: NOT_FOUND; UNKNOWN_FORMAT; DAMAGED when what is there is no manifest of that checkpoint. */
export async function readCheckpointManifest(
  store: ObjectStore,
  run: string,
  checkpoint: string,
  options: { signal?: AbortSignal } = {},
): Promise<CheckpointManifest> {
  const key = checkpointManifestKey(run, checkpoint);
  const document = jsonOf(await store.get(key, options));
  refuseUnknownFormat(document, key);
  const manifest = CheckpointManifest.safeParse(document);
  if (manifest.success && manifest.data.run === run && manifest.data.checkpoint === checkpoint) {
    return manifest.data;
  }
  throw new TrainyardError("DAMAGED", `${key} is not a whole manifest of that checkpoint`);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null; // no schema takes it, which its reader reports
  }
}

/** Weights and moving statistics of a checkpoint. Errors: NOT_FOUND, DAMAGED naming the object. */
export async function readCheckpointModel(
  store: ObjectStore,
  run: string,
  checkpoint: string,
  signal?: AbortSignal,
): Promise<{ layout: ModelLayout; weights: Float32Array; statistics: MovingStatistics }> {
  const options = signal === undefined ? {} : { signal };
  const manifest = await readCheckpointManifest(store, run, checkpoint, options);
  const read = async (name: string) => {
    const entry = manifest.objects.find((object) => object.key.endsWith(`/${name}`));
    if (entry === undefined) throw new TrainyardError("DAMAGED", `checkpoint ${checkpoint} lists no ${name}`);
    return { key: entry.key, bytes: await getHashed(store, entry.key, entry) };
  };
  const state = ExportableState.parse(
    JSON.parse(Buffer.from((await read("state.json")).bytes).toString("utf8")),
  );
  const weights = await read("weights.safetensors");
  return {
    layout: state.layout,
    weights: decodeVector(state.layout, weights.bytes, weights.key),
    statistics: { sums: Float64Array.from(state.statistics.sums), decay: state.statistics.decay },
  };
}
