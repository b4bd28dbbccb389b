/** Python scripts of the parity suite, which do with real Keras what the engine does. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import { kerasPython } from "./parts.js";

const parity = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url));

/** A folder in which a test leaves a script's input, and the script its output. It is removed after the test file. */
export class ScriptFolder {
  readonly path = mkdtempSync(join(tmpdir(), "trainyard-parity-"));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  write(name: string, content: string | Uint8Array | Float32Array | Int32Array): void {
    writeFileSync(join(this.path, name), content);
  }

  json(name: string): unknown {
    return JSON.parse(readFileSync(join(this.path, name), "utf8"));
  }

  float32(name: string): Float32Array {
    return new Float32Array(this.#bytes(name));
  }

  float64(name: string): Float64Array {
    return new Float64Array(this.#bytes(name));
  }

  #bytes(name: string): ArrayBuffer {
    return new Uint8Array(readFileSync(join(this.path, name))).buffer;
  }
}

/** Runs a script of test/parity in every folder, one after another in one process. Throws what Python wrote when it fails. */
export function runInFolders(script: string, folders: readonly ScriptFolder[]): void {
  const words = [parity("in_each_folder.py"), parity(script), ...folders.map(({ path }) => path)];
  execFileSync(kerasPython(), words, { stdio: ["ignore", "ignore", "pipe"] });
}
