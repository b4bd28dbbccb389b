/**
 * The paths in the cache of the TensorFlow library and of the compiled binding. The name of a folder contains everything
 * that its content depends on, so versions never share files. `tensorflow-2.21.0-cpu-linux-x64/` contains the library, and
 * `binding-<hash>/` in it a compiled binding. `tensorflow-2.21.0-gpu-linux-x64/` contains `tensorflow/` with the same
 * content, and `nvidia/` with the CUDA libraries, as Python's folder of packages does: the library looks for them at
 * `../nvidia/`. The folders can be copied to another machine.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";
import { tensorFlowVersion } from "./platform.mjs";

const require = createRequire(import.meta.url);

/** The file name of the compiled binding. */
export const bindingFile = "tfjs_binding.node";
/** The file name of our addon that sets TensorFlow's environment, compiled from engine/native/before_load.cc. */
export const beforeLoadFile = "before_load.node";
/** The file name of our addon that asks NVIDIA's driver, compiled from engine/native/nvidia_driver.cc. */
export const nvidiaDriverFile = "nvidia_driver.node";
/** The Node-API version that the binding is compiled for; Node has it since 12.22. */
export const napiVersion = 8;
/** The flags of the C++ compiler. */
export const compilerFlags = ["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${napiVersion}`];

/** @typedef {import("./platform.mjs").Build} Build */

/**
 * The folder with everything that belongs to one build of TensorFlow.
 * @param {string} platformName such as "linux-x64"
 * @param {Build} build
 */
export function installFolder(platformName, build) {
  return join(cacheFolder(), `tensorflow-${tensorFlowVersion}-${build}-${platformName}`);
}

/**
 * The folder of the TensorFlow library.
 * @param {string} platformName
 * @param {Build} build
 */
export function libraryFolder(platformName, build) {
  const folder = installFolder(platformName, build);
  return build === "gpu" ? join(folder, "tensorflow") : folder;
}

/**
 * The folder of the CUDA libraries.
 * @param {string} platformName
 */
export function cudaFolder(platformName) {
  return join(installFolder(platformName, "gpu"), "nvidia");
}

/**
 * The folder of the compiled binding.
 * @param {string} platformName
 * @param {Build} build
 */
export function bindingFolder(platformName, build) {
  return join(libraryFolder(platformName, build), `binding-${bindingHash(build)}`);
}

/**
 * The names of the files in the binding's folder.
 * @param {Build} build
 */
export function bindingFiles(build) {
  return [bindingFile, ...ownAddons(build).map(({ file }) => file)];
}

/**
 * Whether the library and the compiled binding of this version exist. Does not check whether they are damaged.
 * @param {string} platformName
 * @param {Build} build
 */
export function isInstalled(platformName, build) {
  const folder = bindingFolder(platformName, build);
  return bindingFiles(build).every((name) => existsSync(join(folder, name)));
}

/** The folders of the binding's C++ sources and of Node's headers, which npm has installed. */
export function bindingSources() {
  const folder = join(dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")), "binding");
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  return { folder, headers };
}

/**
 * Our own addons: the compiled file and the source of each.
 * @param {Build} build
 */
export function ownAddons(build) {
  const files = build === "gpu" ? [beforeLoadFile, nvidiaDriverFile] : [beforeLoadFile];
  const folder = join(packageRoot(), "engine", "native");
  return files.map((file) => ({ file, source: join(folder, file.replace(/\.node$/, ".cc")) }));
}

/** The folder of Trainyard's package.json, found from the sources and from dist/ alike. */
function packageRoot() {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/**
 * Twelve hex digits that hash everything that the compiled files depend on, except the library.
 * @param {Build} build
 */
function bindingHash(build) {
  const { folder } = bindingSources();
  const hash = createHash("sha256").update(compilerFlags.join(" "));
  for (const { source } of ownAddons(build)) hash.update(readFileSync(source));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}
