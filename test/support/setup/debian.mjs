/**
 * Programs that tests need and Debian has: promtool, Chromium, Go. Installed with apt-get where we may, else a
 * sentence with the command.
 */
import { findProgram, installCommand, run } from "../../../engine/native/setup/run-program.mjs";
import { SetupError } from "../../../engine/native/setup/setup-error.mjs";

/** @typedef {{ program: string, debian: string }} DebianProgram the program on PATH, the package that has it */

/** One apt-get at a time: it holds a lock of its own and fails rather than waits. */
let last = Promise.resolve();

/**
 * @param {readonly DebianProgram[]} wanted
 * @param {(line: string) => void} say
 */
export function needDebianPrograms(wanted, say) {
  const done = last.then(() => install(wanted, say));
  last = done.catch(() => undefined);
  return done;
}

/**
 * @param {readonly DebianProgram[]} wanted
 * @param {(line: string) => void} say
 */
async function install(wanted, say) {
  const packages = missing(wanted).map(({ debian }) => debian);
  if (packages.length === 0) return;
  const command = installCommand({ apt: packages.join(" "), dnf: packages.join(" ") });
  if (process.getuid?.() !== 0 || findProgram("apt-get") === undefined) {
    throw new SetupError(`The tests need ${packages.join(" and ")}. Run: ${command}`);
  }
  say(`installing ${packages.join(" and ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const waiting = ["-o", "DPkg::Lock::Timeout=300"];
  await run("apt-get", [...waiting, "update"], { env });
  const ended = await run("apt-get", [...waiting, "install", "-y", "--no-install-recommends", ...packages], {
    env,
  });
  if (ended.code === 0 && missing(wanted).length === 0) return;
  throw new SetupError(
    `apt-get could not install ${packages.join(" and ")}: ${ended.output.trim().split("\n").at(-1)}. Fix that, then run: ${command}`,
  );
}

/** @param {readonly DebianProgram[]} wanted */
function missing(wanted) {
  return wanted.filter(({ program }) => findProgram(program) === undefined);
}
