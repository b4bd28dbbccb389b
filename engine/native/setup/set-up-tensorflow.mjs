/**
 * Sets up TensorFlow, from nothing to a binding that loads. `trainyard setup` and `bootstrap.mjs` run it. It does no work
 * twice, and several processes may run it at the same time.
 */
import { join } from "node:path";
import { cacheFolder } from "./cache-folder.mjs";
import {
  bindingFile,
  bindingFolder,
  cudaFolder,
  installFolder,
  isInstalled,
  libraryFolder,
} from "./cache-paths.mjs";
import { findCompiler, installBinding } from "./compile-binding.mjs";
import { cudaWheels } from "./cuda-wheels.mjs";
import { installCuda, installLibrary } from "./install-library.mjs";
import { withLock } from "./lock-file.mjs";
import { checkPlatform, tensorFlowVersion, thisMachine } from "./platform.mjs";
import { run } from "./run-program.mjs";
import { asSetupError, SetupError } from "./setup-error.mjs";

/**
 * @typedef {{ build?: import("./platform.mjs").Build, withCuda?: boolean }} Wish
 *   What the user asks for. build: default "cpu"; withCuda: install CUDA's libraries beside the GPU build, default true
 * @typedef {{ version: string, build: string, platform: string, library: string, binding: string, cuda: string | null }} InstalledTensorFlow
 *   What is installed. library, binding, cuda: paths in the cache; cuda is null when the machine's own is used or none
 */

/**
 * Installs library and binding in the user's cache, unless they are installed and undamaged. Throws a SetupError, a
 * sentence with the command that helps.
 * @param {(line: string) => void} say called with a line for each thing that is done; not called when everything is installed
 * @param {string} again the command that starts this set-up again, for error messages
 * @param {Wish} [wish]
 * @returns {Promise<InstalledTensorFlow>}
 */
export async function setUpTensorFlow(say, again, { build = "cpu", withCuda = true } = {}) {
  const platform = checkPlatform(thisMachine(), build);
  const { name } = platform;
  const cuda = build === "gpu" && withCuda;
  try {
    if (!isInstalled(name, build)) findCompiler();
    await withLock(`${installFolder(name, build)}.lock`, say, async () => {
      await installLibrary(platform, say, again, cuda ? cudaWheels : []);
      await installBinding(platform, say, again);
      if (cuda) await installCuda(platform, say, again);
    });
  } catch (caught) {
    throw asSetupError(caught, cacheFolder());
  }
  const binding = join(bindingFolder(name, build), bindingFile);
  await checkLoads(binding);
  return {
    version: tensorFlowVersion,
    build,
    platform: name,
    library: libraryFolder(name, build),
    binding,
    cuda: cuda ? cudaFolder(name) : null,
  };
}

/**
 * Loads the binding in a separate process, because a library that this processor or system can't run would end the
 * process. It loads on the CPU, so that the result is the same where a container image is built and where it runs.
 * @param {string} binding
 */
async function checkLoads(binding) {
  const program = "process.stdout.write('TensorFlow ' + require(process.argv[1]).TF_Version)";
  const env = { TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "-1" };
  const ended = await run(process.execPath, ["-e", program, binding], { env });
  if (ended.code === 0 && ended.output.includes(`TensorFlow ${tensorFlowVersion}`)) return;
  throw new SetupError(
    `The TensorFlow library in ${cacheFolder()} does not load on this machine (${ended.output.trim().split("\n")[0] || `exit ${ended.code}`}). It needs a processor with AVX; if yours has it, install it anew: rm -r ${cacheFolder()}`,
  );
}
