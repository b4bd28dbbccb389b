/** vitest's global set-up: a folder for what several test files use (test/support/shared-fixture.ts), gone after the run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-fixtures-"));
  process.env["TEST_FIXTURES_FOLDER"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
