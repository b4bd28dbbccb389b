/**
 * `npm run build:kernels`: compiles kernels.ts and each optimizer's kernels (coordinator/optimizers/NAME/assembly/NAME.ts)
 * with the pinned AssemblyScript into one module and writes it, in base64, to ../module.ts, which is checked in: so a
 * run needs neither the compiler nor a file beside the program. A test compiles again and compares the bytes.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/** 4 GiB less a page, so that no pointer to an end overflows. */
const maximumPages = 65_535;
const flags = [
  ..."--runtime stub --noAssert --optimizeLevel 3 --shrinkLevel 0 --enable simd --enable threads".split(" "),
  ..."--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory".split(" "),
  `${maximumPages}`,
];

const optimizers = new URL("../../../coordinator/optimizers/", import.meta.url);

/** The sources by the names that the compiler gets, in a fixed order. @returns {Map<string, string>} */
function readSources() {
  const names = readdirSync(optimizers, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .sort();
  return new Map([
    ["kernels.ts", readFileSync(new URL("kernels.ts", import.meta.url), "utf8")],
    ...names.map(
      /** @returns {[string, string]} */
      (name) => [`${name}.ts`, readFileSync(new URL(`${name}/assembly/${name}.ts`, optimizers), "utf8")],
    ),
  ]);
}

/** The module's bytes. @returns {Promise<Buffer>} */
export async function compileKernels() {
  const sources = readSources();
  /** @type {Uint8Array | undefined} */
  let compiled;
  const { error, stderr } = await asc.main([...sources.keys(), "--outFile", "kernels.wasm", ...flags], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (name, contents) => {
      if (name === "kernels.wasm" && typeof contents !== "string") compiled = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || compiled === undefined)
    throw new Error(`the kernels do not compile: ${stderr.toString()}`);
  return Buffer.from(compiled);
}

/** The text of module.ts. @param {Buffer} bytes */
export const moduleText = (
  bytes,
) => `/** Compiled by \`npm run build:kernels\` (assembly/build.mjs says from what); not to be edited. */
export const maximumPages = ${maximumPages};

/** A WebAssembly module in base64. It imports env.memory, shared, of up to \`maximumPages\`. */
export const kernelsModule =
  "${bytes.toString("base64")}";
`;

if (process.argv[1] === import.meta.filename) {
  const target = new URL("../module.ts", import.meta.url);
  writeFileSync(target, moduleText(await compileKernels()));
}
