/**
 * The set-up of TensorFlow, from nothing to a binding that loads: what `trainyard setup` and `bootstrap.mjs` run.
 * Does nothing twice; safe to run at once from several processes.
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
 *   build: default "cpu"; withCuda: install the CUDA libraries beside the GPU's build, default true
 * @typedef {{ version: string, build: string, platform: string, library: string, binding: string, cuda: string | null }} InstalledTensorFlow
 *   folders and files in the cache; cuda: null where they are the machine's own, or not needed
 */

/**
 * Installs library and binding into the user's cache, if they are not there whole.
 * Throws a SetupError: a sentence with the command that mends it.
 * @param {(line: string) => void} say gets a line for each thing done; none when everything is there
 * @param {string} again the command that starts this set-up again, for the sentences
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
 * Loads the binding in a process of its own: a library that this processor or system can't run ends that
 * process and not us. On the CPU, so that it is the same where an image is made and where it runs.
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
