/**
 * `npm run build:kernels`: compiles kernels.ts with the pinned AssemblyScript and writes it, in base64, to ../module.ts,
 * which is checked in: so a run needs neither the compiler nor a file beside the program. A test compiles again
 * and compares the bytes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/** 4 GiB less a page, so that no pointer to an end overflows. */
const maximumPages = 65_535;
const flags = [
  ..."--runtime stub --noAssert --optimizeLevel 3 --shrinkLevel 0 --enable simd --enable threads".split(" "),
  ..."--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory".split(" "),
  `${maximumPages}`,
];

/** The module's bytes. @returns {Promise<Buffer>} */
export async function compileKernels() {
  const source = readFileSync(new URL("kernels.ts", import.meta.url), "utf8");
  /** @type {Uint8Array | undefined} */
  let compiled;
  const { error, stderr } = await asc.main(["kernels.ts", "--outFile", "kernels.wasm", ...flags], {
    readFile: (name) => (name === "kernels.ts" ? source : null),
    writeFile: (name, contents) => {
      if (name === "kernels.wasm" && typeof contents !== "string") compiled = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || compiled === undefined)
    throw new Error(`kernels.ts does not compile: ${stderr.toString()}`);
  return Buffer.from(compiled);
}

/** The text of module.ts. @param {Buffer} bytes */
export const moduleText = (
  bytes,
) => `/** Compiled from assembly/kernels.ts by \`npm run build:kernels\`; not to be edited. */
export const maximumPages = ${maximumPages};

/** A WebAssembly module in base64. It imports env.memory, shared, of up to \`maximumPages\`. */
export const kernelsModule =
  "${bytes.toString("base64")}";
`;

if (process.argv[1] === import.meta.filename) {
  const target = new URL("../module.ts", import.meta.url);
  writeFileSync(target, moduleText(await compileKernels()));
}
