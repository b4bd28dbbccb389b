/**
 * The set-up of TensorFlow, from nothing to a binding that loads: what `trainyard setup` and `bootstrap.mjs` run.
 * Does nothing twice; safe to run at once from several processes.
 */
import { join } from "node:path";
import { findCompiler, layBinding } from "./binding.mjs";
import { cacheFolder } from "./cache.mjs";
import { cudaWheels } from "./cuda-wheels.mjs";
import { layCuda, layLibrary } from "./library.mjs";
import { bindingFile, bindingFolder, cudaFolder, isLaid, laidFolder, libraryFolder } from "./locate.mjs";
import { withLock } from "./lock.mjs";
import { checkPlatform, tensorFlowVersion, thisMachine } from "./platform.mjs";
import { run } from "./programs.mjs";
import { asRefusal, SetupRefusal } from "./refusal.mjs";

/**
 * @typedef {{ build?: import("./platform.mjs").Build, withCuda?: boolean }} Wish
 *   build: default "cpu"; withCuda: lay the CUDA libraries beside the GPU's build, default true
 * @typedef {{ version: string, build: string, platform: string, library: string, binding: string, cuda: string | null }} LaidTensorFlow
 *   folders and files in the cache; cuda: null where they are the machine's own, or not needed
 */

/**
 * Lays library and binding into the user's cache, if they are not there whole.
 * Throws a SetupRefusal: a sentence with the command that mends it.
 * @param {(line: string) => void} say gets a line for each thing done; none when everything is there
 * @param {string} again the command that starts this set-up again, for the sentences
 * @param {Wish} [wish]
 * @returns {Promise<LaidTensorFlow>}
 */
export async function setUpTensorFlow(say, again, { build = "cpu", withCuda = true } = {}) {
  const platform = checkPlatform(thisMachine(), build);
  const { name } = platform;
  const cuda = build === "gpu" && withCuda;
  try {
    if (!isLaid(name, build)) findCompiler();
    await withLock(`${laidFolder(name, build)}.lock`, say, async () => {
      await layLibrary(platform, say, again, cuda ? cudaWheels : []);
      await layBinding(platform, say, again);
      if (cuda) await layCuda(platform, say, again);
    });
  } catch (caught) {
    throw asRefusal(caught, cacheFolder());
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
  throw new SetupRefusal(
    `The TensorFlow library in ${cacheFolder()} does not load on this machine (${ended.output.trim().split("\n")[0] || `exit ${ended.code}`}). It needs a processor with AVX; if yours has it, lay it anew: rm -r ${cacheFolder()}`,
  );
}
