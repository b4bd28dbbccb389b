/**
 * What of the wheels is installed where: TensorFlow's two libraries with the few headers that the binding needs, and for the
 * GPU the CUDA libraries beside them, where TensorFlow's own relative search path finds them wherever the folder is.
 * How a wheel becomes a folder is in wheel.mjs.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { cudaFolder, libraryFolder } from "./cache-paths.mjs";
import { requiredCudaWheels } from "./cuda-requirements.mjs";
import { cudaFolderName, cudaWheels } from "./cuda-wheels.mjs";
import { installParts } from "./install-wheel.mjs";
import { tensorFlowVersion } from "./platform.mjs";

/**
 * @typedef {import("./platform.mjs").Platform} Platform
 * @typedef {import("./install-wheel.mjs").Part} Part
 * @typedef {import("./install-wheel.mjs").Say} Say
 * @typedef {import("./install-wheel.mjs").Wheel} Wheel
 */

const title = `TensorFlow ${tensorFlowVersion}`;
const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
/** What `tensorflow/c/*.h` include; the other 13,000 headers (260 MB) stay in the wheel. */
const headers = "tensorflow/c/|tensorflow/core/platform/ctstring|tsl/platform/ctstring|xla/tsl/c/";
/** The METADATA says which CUDA libraries belong to it. */
const tensorFlowMembers = [
  `tensorflow/(${libraries.join("|").replaceAll(".", "\\.")})`,
  `tensorflow/(include/(?:${headers}).*)`,
  "[^/]+\\.dist-info/(METADATA)",
];
/** Libraries, what CUDA compiles kernels with while a program runs, and the licence under which all that is passed on. */
const cudaMembers = [
  "nvidia/[^/]+/(lib/[^/]+\\.so[^/]*)",
  "nvidia/[^/]+/(bin/ptxas|nvvm/libdevice/.+)",
  "[^/]+\\.dist-info/(?:licenses/)?(License\\.txt)",
];

/**
 * Below `nvidia/`, where a search path has no place for a library that is needed: TensorFlow's framework, which opens all
 * of them, has none for cusolver, but one for nvshmem, which nobody installs; cuDNN looks for nvrtc under a folder's other
 * name. Relative, so that they can be copied too.
 */
const cudaLinks = [
  { link: "nvshmem/lib/libcusolver.so.11", to: "../../cusolver/lib/libcusolver.so.11" },
  { link: "nvrtc", to: "cuda_nvrtc" },
];

/**
 * Makes the library folder whole, if it is not. Call it under the cache's lock.
 * @param {Platform} platform
 * @param {Say} say
 * @param {string} again the command that starts the set-up again
 * @param {readonly Wheel[]} [cuda] those that are installed afterwards, and need room too
 */
export async function installLibrary(platform, say, again, cuda = []) {
  const later = cudaParts(platform, cuda);
  const what = later.length > 0 ? `${title} with its CUDA libraries` : title;
  await installParts([libraryPart(platform)], say, again, { what, later });
}

/**
 * Installs the CUDA libraries that the installed library asks for. Call it after `installLibrary`, under the same lock.
 * @param {Platform} platform
 * @param {Say} say
 * @param {string} again
 * @param {readonly Wheel[]} [pinned]
 */
export async function installCuda(platform, say, again, pinned = cudaWheels) {
  const metadata = readFileSync(join(libraryFolder(platform.name, platform.build), "METADATA"), "utf8");
  const parts = cudaParts(platform, requiredCudaWheels(metadata, pinned));
  await installParts(parts, say, again, { what: `CUDA for ${title}` });
  for (const { link, to } of cudaLinks) replaceSymlink(join(cudaFolder(platform.name), link), to);
}

/**
 * @param {string} path
 * @param {string} to
 */
function replaceSymlink(path, to) {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  symlinkSync(to, path);
}

/**
 * @param {Platform} platform
 * @returns {Part}
 */
function libraryPart({ name, build, wheel }) {
  return { wheel, title, folder: libraryFolder(name, build), members: tensorFlowMembers, libraries };
}

/**
 * @param {Platform} platform
 * @param {readonly Wheel[]} wheels
 * @returns {Part[]}
 */
function cudaParts({ name }, wheels) {
  return wheels.map((wheel, index) => {
    const folder = cudaFolderName(wheel.distribution);
    return {
      wheel,
      title: `CUDA's ${folder} ${wheel.version} (${index + 1} of ${wheels.length})`,
      folder: join(cudaFolder(name), folder),
      members: cudaMembers,
      libraries: ["*"],
    };
  });
}
