#!/usr/bin/env node
/**
 * From a fresh clone to a running Trainyard: `node bootstrap.mjs [setup|demo|test|test:quick|test:full|test:all] [arguments]`.
 * Plain Node without a dependency, since nothing is installed yet. Installs what is missing and nothing twice:
 * npm packages, the compiled program in dist/, TensorFlow and its binding in the user's cache.
 * What is particular to tests lies in test/support/setup/.
 */
import { spawn } from "node:child_process";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  // Said here, before any import, because the files imported below need not even parse on an old Node.
  console.error(
    `trainyard: Trainyard needs Node 20.19 or newer, and this is Node ${process.versions.node}. Get a newer one, for example: nvm install 24`,
  );
  process.exit(2);
}

const [command = "setup", ...rest] = process.argv.slice(2);
const root = import.meta.dirname;
const say = (/** @type {string} */ line) => console.log(`[set-up] ${line}`);

/** @param {string} again the command that starts this set-up again */
async function setUp(again) {
  const { installNpmPackages, linkProgram } = await import("./bootstrap/npm-packages.mjs");
  await installNpmPackages(root, say, again);
  linkProgram(root);
  // Only now: these look for the binding's sources among the npm packages.
  const { buildProgram } = await import("./bootstrap/program-build.mjs");
  const { setUpTensorFlow } = await import("./engine/native/setup/set-up-tensorflow.mjs");
  // One keeps the processor busy, the other the network. Both are awaited before either's refusal is told.
  const [installed, built] = await Promise.allSettled([setUpTensorFlow(say, again), buildProgram(root, say)]);
  if (installed.status === "rejected") throw installed.reason;
  if (built.status === "rejected") throw built.reason;
  return installed.value;
}

/**
 * Ends with the program's own exit code; signals reach it by the terminal's process group.
 * @param {readonly string[]} args
 */
function becomeTrainyard(args) {
  const child = spawn(process.execPath, [`${root}/bin/trainyard.mjs`, ...args], { stdio: "inherit" });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
    process.on(signal, () => child.kill(signal));
  child.once("close", (code, signal) => process.exit(signal === null ? (code ?? 1) : 3));
}

/**
 * Sets up, and tests at these scales.
 * @param {string} again the command that was given
 * @param {readonly ("quick" | "normal" | "full")[]} scales
 */
async function test(again, scales) {
  await setUp(again);
  const { runTests } = await import("./test/support/setup/run-tests.mjs");
  process.exitCode = await runTests(root, scales, rest, say);
}

async function main() {
  switch (command) {
    case "setup": {
      const installed = await setUp("node bootstrap.mjs");
      say(`ready: TensorFlow ${installed.version} (CPU, ${installed.platform}) in ${installed.library}`);
      say("next: npx trainyard --help, or npm run demo");
      return;
    }
    case "demo":
      await setUp("npm run demo");
      return becomeTrainyard(["demo", ...rest]);
    case "test":
      return await test("npm test", ["normal"]);
    case "test:quick":
      return await test("npm run test:quick", ["quick"]);
    case "test:full":
      return await test("npm run test:full", ["full"]);
    case "test:all":
      return await test("npm run test:all", ["normal", "full"]);
    default:
      console.error(
        `trainyard: there is no "${command}" here. Use: node bootstrap.mjs [setup|demo|test|test:quick|test:full|test:all]`,
      );
      process.exitCode = 2;
  }
}

try {
  await main();
} catch (caught) {
  if (!(caught instanceof Error) || caught.name !== "SetupError") throw caught;
  console.error(`trainyard: ${caught.message}`);
  process.exitCode = 2;
}
