/**
 * Where in the cache the TensorFlow library and the compiled binding of this checkout lie. The name of a folder
 * says everything its content depends on, so another version never meets another's files:
 * `tensorflow-2.21.0-cpu-linux-x64/` holds the library, its `binding-<hash>/` one compiled binding. Beside it
 * `tensorflow-2.21.0-gpu-linux-x64/` holds `tensorflow/` with the same inside, and `nvidia/` with the CUDA libraries, as
 * Python's folder of packages does: the library looks for them at `../nvidia/`. All can be copied to another machine.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";
import { tensorFlowVersion } from "./platform.mjs";

const require = createRequire(import.meta.url);

export const bindingFile = "tfjs_binding.node";
/** Our own small addons, compiled beside the binding from engine/native/*.cc. */
export const beforeLoadFile = "before_load.node";
export const nvidiaDriverFile = "nvidia_driver.node";
/** The Node-API level that the binding is compiled for; every Node from 12.22 on has it. */
export const napiVersion = 8;
export const compilerFlags = ["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${napiVersion}`];

/** @typedef {import("./platform.mjs").Build} Build */

/**
 * Everything that belongs to one build of TensorFlow.
 * @param {string} platformName such as "linux-x64"
 * @param {Build} build
 */
export function installFolder(platformName, build) {
  return join(cacheFolder(), `tensorflow-${tensorFlowVersion}-${build}-${platformName}`);
}

/**
 * @param {string} platformName
 * @param {Build} build
 */
export function libraryFolder(platformName, build) {
  const folder = installFolder(platformName, build);
  return build === "gpu" ? join(folder, "tensorflow") : folder;
}

/** @param {string} platformName */
export function cudaFolder(platformName) {
  return join(installFolder(platformName, "gpu"), "nvidia");
}

/**
 * @param {string} platformName
 * @param {Build} build
 */
export function bindingFolder(platformName, build) {
  return join(libraryFolder(platformName, build), `binding-${bindingHash(build)}`);
}

/**
 * The names in the binding's folder.
 * @param {Build} build
 */
export function bindingFiles(build) {
  return [bindingFile, ...ownAddons(build).map(({ file }) => file)];
}

/**
 * Whether the library and the compiled binding of this checkout are there; not whether they are undamaged.
 * @param {string} platformName
 * @param {Build} build
 */
export function isInstalled(platformName, build) {
  const folder = bindingFolder(platformName, build);
  return bindingFiles(build).every((name) => existsSync(join(folder, name)));
}

/** The binding's C++ sources and Node's own headers, as npm installed them. */
export function bindingSources() {
  const folder = join(dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")), "binding");
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  return { folder, headers };
}

/**
 * What is compiled of our own: each result and its source.
 * @param {Build} build
 */
export function ownAddons(build) {
  const files = build === "gpu" ? [beforeLoadFile, nvidiaDriverFile] : [beforeLoadFile];
  const folder = join(packageRoot(), "engine", "native");
  return files.map((file) => ({ file, source: join(folder, file.replace(/\.node$/, ".cc")) }));
}

/** The folder of Trainyard's package.json, from the sources as from dist/. */
function packageRoot() {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/**
 * Twelve hex digits over everything the compiled files depend on beside the library.
 * @param {Build} build
 */
function bindingHash(build) {
  const { folder } = bindingSources();
  const hash = createHash("sha256").update(compilerFlags.join(" "));
  for (const { source } of ownAddons(build)) hash.update(readFileSync(source));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}
