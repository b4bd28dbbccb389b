/**
 * Where in the cache the TensorFlow library and the compiled binding of this checkout lie. The name of a folder
 * says everything its content depends on, so another version never meets another's files:
 * `tensorflow-2.21.0-cpu-linux-x64/` holds the library, its `binding-<hash>/` one compiled binding.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cacheFolder } from "./cache.mjs";
import { tensorFlowVersion } from "./platform.mjs";

const require = createRequire(import.meta.url);

export const bindingFile = "tfjs_binding.node";
/** Our own small addon, compiled beside the binding (engine/native/before_load.cc). */
export const beforeLoadFile = "before_load.node";
/** The Node-API level that the binding is compiled for; every Node from 12.22 on has it. */
export const napiVersion = 8;
export const compilerFlags = ["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${napiVersion}`];

/** @param {string} platformName such as "linux-x64" */
export function libraryFolder(platformName) {
  return join(cacheFolder(), `tensorflow-${tensorFlowVersion}-cpu-${platformName}`);
}

/** @param {string} platformName */
export function bindingFolder(platformName) {
  return join(libraryFolder(platformName), `binding-${bindingHash()}`);
}

/** The binding's C++ sources and Node's own headers, as npm laid them, and our own addon's source. */
export function bindingSources() {
  const folder = join(dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")), "binding");
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  return { folder, headers, beforeLoad: join(packageRoot(), "engine", "native", "before_load.cc") };
}

/** The folder of Trainyard's package.json, from the sources as from dist/. */
function packageRoot() {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** Twelve hex digits over everything the compiled file depends on beside the library. */
function bindingHash() {
  const { folder, beforeLoad } = bindingSources();
  const hash = createHash("sha256").update(compilerFlags.join(" ")).update(readFileSync(beforeLoad));
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex").slice(0, 12);
}
