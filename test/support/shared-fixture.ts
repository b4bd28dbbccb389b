/** What several test files need and none changes: made once in a test run, by the file that needs it first. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../../engine/native/setup/lock-file.mjs";

/**
 * The folder with this content. `make` fills a folder that becomes the fixture once it is complete. Files that need it
 * meanwhile wait for it; a maker that failed or was killed leaves the work to the next file.
 */
export async function sharedFixture(
  content: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const root = process.env["TEST_FIXTURES_FOLDER"];
  if (root === undefined) throw new Error("vitest's global set-up names no folder for fixtures");
  const folder = join(root, createHash("sha256").update(content).digest("hex").slice(0, 16));
  await withLock(
    `${folder}.lock`,
    () => undefined,
    async () => {
      if (existsSync(folder)) return;
      const partial = `${folder}.partial-${process.pid}`;
      mkdirSync(partial);
      await make(partial);
      renameSync(partial, folder);
    },
  );
  return folder;
}
