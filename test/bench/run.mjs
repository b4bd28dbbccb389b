// `npm run bench -- NAME [flags]`: builds the program and the benches, and runs one. Not a test: the figures depend
// on the machine and on what else it does; compare only figures of one run.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

const [name, ...flags] = process.argv.slice(2);
const names = readdirSync("test/bench")
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
if (name === undefined || !names.includes(name)) {
  console.error(`which bench? ${names.join(", ")}: npm run bench -- ${names[0]}`);
  process.exit(2);
}
for (const project of ["tsconfig.build.json", "tsconfig.bench.json"]) {
  const built = spawnSync("npx", ["tsc", "-p", project], { stdio: "inherit" });
  if (built.status !== 0) process.exit(1);
}
const program = `dist/bench/test/bench/${name}.js`;
if (!existsSync(program)) throw new Error(`${program} was not built`);
process.exit(spawnSync(process.execPath, [program, ...flags], { stdio: "inherit" }).status ?? 1);
