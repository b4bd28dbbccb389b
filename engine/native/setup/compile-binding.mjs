/**
 * Compiles tfjs-node's native binding, and our small addons, against the installed TensorFlow library. The binding looks
 * for its libraries in the folder above its own, so the cache can be moved or mounted elsewhere.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { makeWhole } from "./cache-folder.mjs";
import {
  bindingFile,
  bindingFolder,
  bindingSources,
  compilerFlags,
  isInstalled,
  libraryFolder,
  ownAddons,
} from "./cache-paths.mjs";
import { findProgram, installCommand, lastLine, run } from "./run-program.mjs";
import { diskFull, SetupError } from "./setup-error.mjs";

/** @typedef {import("./platform.mjs").Platform} Platform */

/**
 * Compiles the binding, unless it is installed already. Throws a SetupError when the compiler fails.
 * @param {Pick<Platform, "name" | "build">} platform
 * @param {(line: string) => void} say
 * @param {string} again the command that starts the set-up again
 */
export async function installBinding({ name, build }, say, again) {
  const folder = bindingFolder(name, build);
  if (isInstalled(name, build)) return;
  const compiler = findCompiler();
  say("compiling the binding between Node and TensorFlow (about 15 s)");
  await makeWhole(folder, async (partial) => {
    for (const args of compilerCalls(build, libraryFolder(name, build), partial)) {
      const ended = await run(compiler, args, { env: { TMPDIR: partial } });
      if (ended.code !== 0) throw compilerError(compiler, ended.output, folder, again);
    }
  });
}

/**
 * @param {string} compiler
 * @param {string} output
 * @param {string} folder
 * @param {string} again
 */
function compilerError(compiler, output, folder, again) {
  if (/No space left on device/.test(output)) return diskFull(folder);
  return new SetupError(
    `The C++ compiler ${compiler} failed on the binding (${lastLine(output)}). Install a newer g++ and run: ${installCommand({ apt: "g++", dnf: "gcc-c++" })} && ${again}`,
  );
}

/**
 * The C++ compiler's command. Throws a SetupError when there is none. Call it before a download as well, so that a user
 * need not wait for the download to read this.
 */
export function findCompiler() {
  const chosen = process.env["CXX"];
  const compiler = [chosen, "g++", "c++", "clang++"].find(
    (name) => name !== undefined && name !== "" && isThere(name),
  );
  if (compiler !== undefined) return compiler;
  throw new SetupError(
    `There is no C++ compiler; Trainyard compiles the binding between Node and TensorFlow. Run: ${installCommand({ apt: "g++", dnf: "gcc-c++" })}`,
  );
}

/** @param {string} name */
function isThere(name) {
  return name.includes("/") ? existsSync(name) : findProgram(name) !== undefined;
}

/**
 * The argument lists of the compiler's calls: our own small addons, and tfjs-node's binding.
 * @param {import("./platform.mjs").Build} build
 * @param {string} library the folder of the installed library
 * @param {string} target where the results go
 */
function compilerCalls(build, library, target) {
  const { folder, headers } = bindingSources();
  const sources = readdirSync(folder).filter((name) => name.endsWith(".cc"));
  const flags = [...compilerFlags, "-I", headers];
  const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) =>
    join(library, name),
  );
  const binding = sources.map((name) => join(folder, name));
  return [
    ...ownAddons(build).map(({ file, source }) => [...flags, "-o", join(target, file), source]),
    [
      ...flags,
      "-o",
      join(target, bindingFile),
      "-I",
      join(library, "include"),
      ...binding,
      ...libraries,
      "-Wl,-rpath,$ORIGIN/..",
    ],
  ];
}
