#!/usr/bin/env node
// The program's entry: the compiled command line. In a clone `node bootstrap.mjs` builds it.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const program = new URL("../dist/cli/main.js", import.meta.url);
if (!existsSync(fileURLToPath(program))) {
  console.error("trainyard: the program is not built yet. Run: node bootstrap.mjs");
  process.exit(2);
}
await import(program.href);
