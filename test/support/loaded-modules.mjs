// Preloaded into processes (node --import): when one ends, the CommonJS modules that each of its threads has loaded are
// written into the folder TEST_MODULES_FOLDER, a file a thread.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

const { cache } = createRequire(import.meta.url);
const role = process.argv.find((word) => ["train", "coordinator", "worker"].includes(word)) ?? "other";

process.on("exit", () => {
  const folder = process.env["TEST_MODULES_FOLDER"] ?? "";
  writeFileSync(join(folder, `${role}-${process.pid}-${threadId}`), Object.keys(cache).join("\n"));
});
