/**
 * Compiles a clone's TypeScript to dist/ when a source file changed since the last build. A stamp written after
 * a good build lists what it was made from: path, size and time of each source.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../engine/native/setup/run-program.mjs";
import { SetupError } from "../engine/native/setup/setup-error.mjs";

const settings = ["tsconfig.json", "tsconfig.build.json", "package-lock.json"];

/**
 * @param {string} root of the clone
 * @param {(line: string) => void} say
 */
export async function buildProgram(root, say) {
  const stamp = join(root, "dist", ".sources");
  const sources = fingerprint(root);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === sources) return;
  say("building the program");
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  // Types are checked by `npm run build` and by the tests; here that would only double the time.
  const args = [compiler, "-p", "tsconfig.build.json", "--noCheck"];
  const ended = await run(process.execPath, args, { cwd: root });
  if (ended.code !== 0) {
    throw new SetupError(
      `The program does not compile:\n${ended.output.trim()}\nFix that, then run: npm run build`,
    );
  }
  writeFileSync(stamp, sources);
}

/** @param {string} root */
function fingerprint(root) {
  /** @type {{ include: string[] }} */
  const { include } = JSON.parse(readFileSync(join(root, "tsconfig.build.json"), "utf8"));
  const rooms = include.filter((room) => existsSync(join(root, room)));
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true }).map((name) => join(room, String(name))),
  );
  const hash = createHash("sha256");
  for (const file of [...files.sort(), ...settings]) {
    const stat = statSync(join(root, file));
    if (stat.isFile()) hash.update(`${file}\0${stat.size}\0${stat.mtimeMs}\n`);
  }
  return hash.digest("hex");
}
