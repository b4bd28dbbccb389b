/**
 * `npm run build:kernels`: compiles kernels.ts and each optimizer's kernels (coordinator/optimizers/NAME/assembly/NAME.ts),
 * and what they import, with the pinned AssemblyScript into one module and writes it, in base64, to ../module.ts, which is checked in: so a
 * run needs neither the compiler nor a file beside the program. A test compiles again and compares the bytes.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/** 4 GiB less a page, so that no pointer to an end overflows. */
const maximumPages = 65_535;
const flags = [
  ..."--runtime stub --noAssert --optimizeLevel 3 --shrinkLevel 0 --enable simd --enable threads".split(" "),
  ..."--importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory".split(" "),
  `${maximumPages}`,
];

const root = new URL("../../../", import.meta.url);
const optimizers = "coordinator/optimizers/";

/** The files whose functions the module exports, in a fixed order, below the repository. @returns {string[]} */
function listEntries() {
  const names = readdirSync(new URL(optimizers, root), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .sort();
  return [
    "shared/kernels/assembly/kernels.ts",
    ...names.map((name) => `${optimizers}${name}/assembly/${name}.ts`),
  ];
}

/** A source below the repository; null where the compiler only looks whether there is one. @param {string} name */
function readSource(name) {
  const file = new URL(name, root);
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}

/** The module's bytes. @returns {Promise<Buffer>} */
export async function compileKernels() {
  /** @type {Uint8Array | undefined} */
  let compiled;
  const { error, stderr } = await asc.main([...listEntries(), "--outFile", "kernels.wasm", ...flags], {
    readFile: readSource,
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
