/**
 * Keras' whole-model HDF5 file, in the layout that Keras 2 writes and Keras 2 and 3 read: the configuration as an
 * attribute, a group of weights per layer, names as fixed-length byte strings. Format: keras
 * src/legacy/saving/legacy_h5_format.py. Without a training configuration: the model is for prediction, and
 * Keras says that it is not compiled.
 */
import { mkdtemp, readFile, rm, writeFile as writeBytes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import h5wasm, { type Group, ready } from "h5wasm/node";
import { asTrainyardError, invariant, TrainyardError } from "../../shared/errors.js";
import { kerasConfig, type PortableLayer, type PortableModel } from "./portable-model.js";

/** Largest attribute that fits an object header (HDF5_OBJECT_HEADER_LIMIT in Keras). */
const attributeBytes = 64_512;
/** What the layout is, not who wrote it. */
const kerasVersion = "2.15.0";

/** Groups, names and configuration take less than this. */
const overheadBytes = 1024 * 1024;

/** The file's bytes. Throws FAILED when the folder for temporary files can't take it. */
export async function kerasH5(model: PortableModel): Promise<Uint8Array> {
  const module = await ready;
  // HDF5 reports by status codes that h5wasm drops; this makes them exceptions.
  module.activate_throwing_error_handler();
  let folder: string | null = null;
  try {
    // In Node h5wasm writes through the machine's file system only.
    folder = await mkdtemp(join(tmpdir(), "trainyard-export-"));
    const path = join(folder, "model.h5");
    await checkRoom(path, model);
    writeFile(path, model);
    return await readFile(path);
  } catch (caught) {
    const advice = "make room there, or set TMPDIR to another folder";
    const message = `can't write the Keras model in ${tmpdir()}: ${reasonOf(caught)}; ${advice}`;
    throw new TrainyardError("FAILED", message, { cause: caught });
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}

/** HDF5 tells its whole stack, with the system's words at the bottom. */
function reasonOf(caught: unknown): string {
  const { message } = asTrainyardError(caught);
  return /error message = '([^']+)'/.exec(message)?.[1] ?? message.split("\n")[0] ?? message;
}

/** Before HDF5 has the file open: it can't close one that it could not write, and would keep it for ever. */
async function checkRoom(path: string, { layers }: PortableModel): Promise<void> {
  const values = layers.flatMap(({ weights }) => weights.map((weight) => weight.values.byteLength));
  const bytes = values.reduce((sum, size) => sum + size, overheadBytes);
  await writeBytes(path, new Uint8Array(bytes));
}

function writeFile(path: string, model: PortableModel): void {
  const file = new h5wasm.File(path, "w");
  try {
    writeModel(file, model);
    file.flush();
  } finally {
    file.close();
  }
}

function writeModel(file: Group, model: PortableModel): void {
  writeText(file, "keras_version", kerasVersion);
  writeText(file, "backend", "tensorflow");
  writeText(file, "model_config", JSON.stringify(kerasConfig(model)));
  const group = file.create_group("model_weights");
  writeText(group, "keras_version", kerasVersion);
  writeText(group, "backend", "tensorflow");
  writeNames(
    group,
    "layer_names",
    model.layers.map(({ config }) => config.name),
  );
  for (const layer of model.layers) writeLayer(group, layer);
}

function writeLayer(parent: Group, { config, weights }: PortableLayer): void {
  const group = parent.create_group(config.name);
  writeNames(
    group,
    "weight_names",
    weights.map((weight) => `${config.name}/${weight.name}:0`),
  );
  if (weights.length === 0) return;
  const inner = group.create_group(config.name);
  for (const { name, shape, values } of weights) {
    inner.create_dataset({ name: `${name}:0`, data: values, shape: [...shape], dtype: "<f4" });
  }
}

function writeText(group: Group, name: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  invariant(bytes < attributeBytes, `${name} fits an attribute of HDF5`);
  group.create_attribute(name, text, [], `S${bytes}`);
}

/** A layer without weights has an empty list of numbers, as Keras writes it: HDF5 has no empty strings. */
function writeNames(group: Group, attribute: string, names: readonly string[]): void {
  if (names.length === 0) {
    group.create_attribute(attribute, new Float64Array(0), [0], "<f8");
    return;
  }
  const width = Math.max(...names.map((name) => Buffer.byteLength(name)));
  invariant(width * names.length < attributeBytes, `${attribute} fits an attribute of HDF5`);
  group.create_attribute(attribute, [...names], [names.length], `S${width}`);
}
