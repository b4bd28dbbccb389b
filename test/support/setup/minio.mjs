/**
 * Builds the MinIO server that the store's contract suite runs against, from its Go module, into the user's
 * cache. Built once; a killed build leaves nothing that counts.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeWhole, needFreeSpace } from "../../../engine/native/setup/cache.mjs";
import { withLock } from "../../../engine/native/setup/lock.mjs";
import { installCommand, lastLine, run } from "../../../engine/native/setup/programs.mjs";
import { SetupRefusal } from "../../../engine/native/setup/refusal.mjs";
import { needDebianPrograms } from "./debian.mjs";
import { minioBinary, minioFolder, minioVersion } from "./paths.mjs";

/** Sources, Go's build cache, its toolchain and the binary. */
const neededBytes = 3_000_000_000;

/** @param {(line: string) => void} say */
export async function installMinio(say) {
  if (existsSync(minioBinary)) return;
  await withLock(`${minioFolder}.lock`, say, async () => {
    if (!existsSync(minioBinary)) await build(say);
  });
}

/** @param {(line: string) => void} say */
async function build(say) {
  needFreeSpace(minioFolder, neededBytes, "Building MinIO for the tests");
  await needDebianPrograms([{ program: "go", debian: "golang-go" }], say);
  say("building MinIO for the tests (about 3 minutes)");
  await makeWhole(minioFolder, async (partial) => {
    const install = ["install", `github.com/minio/minio@${minioVersion}`];
    const ended = await run("go", install, { env: { GOBIN: partial } });
    if (ended.code !== 0) throw await goRefusal(ended.output);
    if (!existsSync(join(partial, "minio"))) throw new SetupRefusal("Go built no MinIO. Run again: npm test");
  });
  say("MinIO is there");
}

/** @param {string} output */
async function goRefusal(output) {
  const version = (await run("go", ["version"])).output.trim();
  if (/requires go >=|invalid go version|toolchain not available|unknown directive/.test(output)) {
    return new SetupRefusal(
      `MinIO for the tests needs a newer Go than ${version}. Install Go 1.24 or newer, for example from Debian's backports: ${installCommand({ apt: "-t bookworm-backports golang-go", dnf: "golang" })}`,
    );
  }
  return new SetupRefusal(
    `Go could not build MinIO for the tests: ${lastLine(output)}. Check the network, then run: npm test`,
  );
}
