/**
 * Writes a model as a Keras HDF5 file (`model.h5`), in the layout that Keras 2 writes and Keras 2 and 3 read: the
 * configuration as an attribute, a group of weights for each layer, names as byte strings of fixed length. Format: keras
 * src/legacy/saving/legacy_h5_format.py. It has no training configuration, so Keras says that the model is not compiled.
 */
import { mkdtemp, readFile, rm, writeFile as writeBytes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import h5wasm, { type Group, ready } from "h5wasm/node";
import { asTrainyardError, invariant, TrainyardError } from "../../shared/errors.js";
import { kerasConfig, type PortableLayer, type PortableModel } from "./portable-model.js";

/** Largest attribute that fits an object header (HDF5_OBJECT_HEADER_LIMIT in Keras). */
const attributeBytes = 64_512;
/** The version of Keras whose file layout this is. */
const kerasVersion = "2.15.0";

/** Room for groups, names and configuration; they take less. */
const overheadBytes = 1024 * 1024;

/** The bytes of `model.h5`, the same for the same model. Throws FAILED when the file can't be written to the folder for temporary files. */
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

/** The reason in an HDF5 error: its last line, from the operating system. HDF5 reports its whole stack. */
function reasonOf(caught: unknown): string {
  const { message } = asTrainyardError(caught);
  return /error message = '([^']+)'/.exec(message)?.[1] ?? message.split("\n")[0] ?? message;
}

/** Checks that the disk has room before HDF5 opens the file: HDF5 can't close a file that it could not write. */
async function checkRoom(path: string, { layers }: PortableModel): Promise<void> {
  const values = layers.flatMap(({ weights }) => weights.map((weight) => weight.values.byteLength));
  const bytes = values.reduce((sum, size) => sum + size, overheadBytes);
  await writeBytes(path, new Uint8Array(bytes));
}

/**
 * Writes the file without the time: HDF5 stores it with every group, and its only clock is Date.now. Nothing else runs
 * meanwhile, because nothing here waits.
 */
function writeFile(path: string, model: PortableModel): void {
  const clock = Date.now;
  Date.now = () => 0;
  try {
    const file = new h5wasm.File(path, "w");
    try {
      writeModel(file, model);
      file.flush();
    } finally {
      file.close();
    }
  } finally {
    Date.now = clock;
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
