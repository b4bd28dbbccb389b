/**
 * Compiles tfjs-node's binding against the laid library with one call of the C++ compiler. The result finds its
 * libraries one folder up, so the cache can be moved or mounted elsewhere.
 */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { emptyFolderBeside } from "./cache.mjs";
import { bindingFile, bindingFolder, bindingSources, compilerFlags, libraryFolder } from "./locate.mjs";
import { findProgram, installCommand, lastLine, run } from "./programs.mjs";
import { diskFull, SetupRefusal } from "./refusal.mjs";

/**
 * @param {string} platformName
 * @param {(line: string) => void} say
 * @param {string} again the command that starts the set-up again
 */
export async function layBinding(platformName, say, again) {
  const folder = bindingFolder(platformName);
  if (existsSync(join(folder, bindingFile))) return;
  const compiler = findCompiler();
  say("compiling the binding between Node and TensorFlow (about 15 s)");
  const partial = emptyFolderBeside(folder);
  const ended = await run(
    compiler,
    compilerArguments(libraryFolder(platformName), join(partial, bindingFile)),
  );
  if (/No space left on device/.test(ended.output)) throw diskFull(folder);
  if (ended.code !== 0) {
    throw new SetupRefusal(
      `The C++ compiler ${compiler} failed on the binding: ${lastLine(ended.output)}. It needs g++ 9 or newer; install one and run: ${again}`,
    );
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}

/** Asked for before anything is downloaded, too, so that nobody waits 260 MB for this sentence. */
export function findCompiler() {
  const chosen = process.env["CXX"];
  const compiler = [chosen, "g++", "c++", "clang++"].find(
    (name) => name !== undefined && name !== "" && isThere(name),
  );
  if (compiler !== undefined) return compiler;
  throw new SetupRefusal(
    `There is no C++ compiler; Trainyard compiles the binding between Node and TensorFlow. Run: ${installCommand({ apt: "g++", dnf: "gcc-c++" })}`,
  );
}

/** @param {string} name */
function isThere(name) {
  return name.includes("/") ? existsSync(name) : findProgram(name) !== undefined;
}

/**
 * @param {string} library the folder of the laid library
 * @param {string} output
 */
function compilerArguments(library, output) {
  const { folder, headers } = bindingSources();
  const sources = readdirSync(folder).filter((name) => name.endsWith(".cc"));
  return [
    ...compilerFlags,
    "-I",
    join(library, "include"),
    "-I",
    headers,
    ...sources.map((name) => join(folder, name)),
    join(library, "libtensorflow_cc.so.2"),
    join(library, "libtensorflow_framework.so.2"),
    "-Wl,-rpath,$ORIGIN/..",
    "-o",
    output,
  ];
}
