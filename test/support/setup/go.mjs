/**
 * Builds programs from their Go modules and gets modules for the files they ship. Says what to do where Go, its
 * version or the network fall short. Knows nothing of what the programs are for.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { installCommand, lastLine, run } from "../../../engine/native/setup/run-program.mjs";
import { SetupError } from "../../../engine/native/setup/setup-error.mjs";
import { needDebianPrograms } from "./debian.mjs";

/** @param {(line: string) => void} say */
export const needGo = (say) => needDebianPrograms([{ program: "go", debian: "golang-go" }], say);

/**
 * Throws SetupError. The program is named as the last part of its path that is no version.
 * @param {string} name what it is called in what is said
 * @param {string} target as `go install` takes it: PATH@VERSION
 * @param {string} folder of the program
 */
export async function goInstall(name, target, folder) {
  const ended = await run("go", ["install", target], { env: { GOBIN: folder } });
  if (ended.code !== 0) throw await goError(name, ended.output);
  const program = basename((target.split("@")[0] ?? "").replace(/\/v\d+$/, ""));
  if (!existsSync(join(folder, program))) throw new SetupError(`Go built no ${program}. Run again: npm test`);
}

/**
 * The folders in which modules (PATH@VERSION) lie unpacked, in Go's own cache. Throws SetupError.
 * @param {string} name what they are called in what is said
 * @param {readonly string[]} modules
 * @returns {Promise<string[]>} in the same order
 */
export async function goModuleFolders(name, modules) {
  const folders = [];
  for (const module of modules) {
    const ended = await run("go", ["mod", "download", "-json", module]);
    const [, folder] = /^\t"Dir": "(.+)",$/m.exec(ended.output) ?? [];
    if (ended.code !== 0 || folder === undefined) throw await goError(name, ended.output);
    folders.push(folder);
  }
  return folders;
}

/**
 * @param {string} name
 * @param {string} output
 */
async function goError(name, output) {
  const version = (await run("go", ["version"])).output.trim();
  if (/requires go >=|invalid go version|toolchain not available|unknown directive/.test(output)) {
    return new SetupError(
      `${name} for the tests needs a newer Go than ${version}. Install Go 1.24 or newer, for example from Debian's backports: ${installCommand({ apt: "-t bookworm-backports golang-go", dnf: "golang" })}`,
    );
  }
  return new SetupError(
    `Go could not get ${name} for the tests: ${lastLine(output)}. Check the network, then run: npm test`,
  );
}
