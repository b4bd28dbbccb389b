// `npm run sim -- [flags]`: builds the simulator and runs it; test/sim/main.ts says with which flags.
import { spawnSync } from "node:child_process";

const built = spawnSync("npx", ["tsc", "-p", "tsconfig.sim.json"], { stdio: "inherit" });
if (built.status !== 0) process.exit(1);
const program = ["dist/sim/test/sim/main.js", ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, program, { stdio: "inherit" }).status ?? 1);
