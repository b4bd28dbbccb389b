/**
 * The set-up of TensorFlow, from nothing to a binding that loads: what `trainyard setup` and `bootstrap.mjs` run.
 * Does nothing twice; safe to run at once from several processes.
 */
import { join } from "node:path";
import { findCompiler, isBindingLaid, layBinding } from "./binding.mjs";
import { cacheFolder } from "./cache.mjs";
import { layLibrary } from "./library.mjs";
import { bindingFile, bindingFolder, libraryFolder } from "./locate.mjs";
import { withLock } from "./lock.mjs";
import { checkPlatform, tensorFlowVersion, thisMachine } from "./platform.mjs";
import { run } from "./programs.mjs";
import { asRefusal, SetupRefusal } from "./refusal.mjs";

/**
 * @typedef {{ version: string, platform: string, library: string, binding: string }} LaidTensorFlow
 *   folders and files in the cache
 */

/**
 * Lays library and binding into the user's cache, if they are not there whole.
 * Throws a SetupRefusal: a sentence with the command that mends it.
 * @param {(line: string) => void} say gets a line for each thing done; none when everything is there
 * @param {string} again the command that starts this set-up again, for the sentences
 * @returns {Promise<LaidTensorFlow>}
 */
export async function setUpTensorFlow(say, again) {
  const platform = checkPlatform(thisMachine());
  const folder = libraryFolder(platform.name);
  const binding = join(bindingFolder(platform.name), bindingFile);
  try {
    if (!isBindingLaid(platform.name)) findCompiler();
    await withLock(`${folder}.lock`, say, async () => {
      await layLibrary(platform, say, again);
      await layBinding(platform.name, say, again);
    });
  } catch (caught) {
    throw asRefusal(caught, cacheFolder());
  }
  await checkLoads(binding);
  return { version: tensorFlowVersion, platform: platform.name, library: folder, binding };
}

/**
 * Loads the binding in a process of its own: a library that this processor or system can't run ends that
 * process and not us.
 * @param {string} binding
 */
async function checkLoads(binding) {
  const program = "process.stdout.write('TensorFlow ' + require(process.argv[1]).TF_Version)";
  const ended = await run(process.execPath, ["-e", program, binding], { env: { TF_CPP_MIN_LOG_LEVEL: "3" } });
  if (ended.code === 0 && ended.output.includes(`TensorFlow ${tensorFlowVersion}`)) return;
  throw new SetupRefusal(
    `The TensorFlow library in ${cacheFolder()} does not load on this machine (${ended.output.trim().split("\n")[0] || `exit ${ended.code}`}). It needs a processor with AVX; if yours has it, lay it anew: rm -r ${cacheFolder()}`,
  );
}
