/** What runs is what stands in the source: the checked-in module is the one that the pinned AssemblyScript makes. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { compileKernels, moduleText } from "../../shared/kernels/assembly/build.mjs";
import { kernelsModule } from "../../shared/kernels/module.js";

it("the checked-in kernels are those of assembly/kernels.ts (npm run build:kernels)", async () => {
  const bytes = await compileKernels();
  expect(kernelsModule).toBe(bytes.toString("base64"));
  expect(readFileSync("shared/kernels/module.ts", "utf8")).toBe(moduleText(bytes));
});

it("use no relaxed SIMD, whose results differ between machines", async () => {
  const bytes = await compileKernels();
  // Relaxed opcodes are the prefix 0xfd and a LEB128 number from 0x100 on: two bytes, the second 2.
  const opcodes = [...bytes.keys()].filter((at) => bytes[at] === 0xfd && (bytes[at + 1] as number) >= 0x80);
  expect(opcodes.filter((at) => (bytes[at + 2] as number) >= 2)).toEqual([]);
});
