/**
 * Builds the MinIO server that the store's contract suite runs against, from its Go module, into the user's
 * cache. Built once; a killed build leaves nothing that counts.
 */
import { existsSync } from "node:fs";
import { makeWhole, needFreeSpace } from "../../../engine/native/setup/cache-folder.mjs";
import { withLock } from "../../../engine/native/setup/lock-file.mjs";
import { goInstall, needGo } from "./go.mjs";
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
  await needGo(say);
  say("building MinIO for the tests (about 3 minutes)");
  await makeWhole(minioFolder, (partial) =>
    goInstall("MinIO", `github.com/minio/minio@${minioVersion}`, partial),
  );
  say("MinIO is there");
}
