/** The checks of the whole clone that run beside its tests: linter, import rules and types. Each counts as one test. */
import { spawn } from "node:child_process";
import { join } from "node:path";

const rooms = [
  "shared",
  "dataset",
  "engine",
  "coordinator",
  "worker",
  "runs",
  "local-cluster",
  "library",
  "plan",
  "drill",
  "cli",
  "dashboard",
];
const checks = [
  { name: "linter", args: ["@biomejs/biome/bin/biome", "check", "."] },
  {
    name: "import rules",
    args: ["dependency-cruiser/bin/dependency-cruise.mjs", "--config", ".dependency-cruiser.cjs", ...rooms],
  },
  {
    name: "types",
    // What the former check found out is kept, so that only files that changed since are checked again.
    args: [
      ...["typescript/bin/tsc", "-p", "tsconfig.json", "--noEmit", "--incremental"],
      ...["--tsBuildInfoFile", "dist/types.tsbuildinfo"],
    ],
  },
];

/**
 * Runs the checks one after another; each shows its output at its end, in one piece, since tests run beside them.
 * @param {string} root of the clone
 * @param {(line: string) => void} say
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runChecks(root, say) {
  const count = { passed: 0, failed: 0 };
  for (const { name, args } of checks) {
    const [program = "", ...rest] = args;
    const { code, output } = await runNode(root, [join("node_modules", program), ...rest]);
    if (code === 0) count.passed += 1;
    else count.failed += 1;
    say(code === 0 ? `${name}: passed` : `${name}: failed\n${output.trim()}`);
  }
  return count;
}

/**
 * @param {string} root
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
function runNode(root, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
