/**
 * Installs the libraries: TensorFlow's two libraries with the headers that the binding needs and, for the GPU build, the
 * CUDA libraries beside them, where TensorFlow's relative search path finds them wherever the folder is. It decides which
 * files of a wheel go where; install-wheel.mjs downloads and unpacks wheels.
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
/** The headers that `tensorflow/c/*.h` include. The other 13,000 headers (260 MB) are not installed. */
const headers = "tensorflow/c/|tensorflow/core/platform/ctstring|tsl/platform/ctstring|xla/tsl/c/";
/** The files of TensorFlow's wheel that are installed. Its METADATA says which CUDA libraries it needs. */
const tensorFlowMembers = [
  `tensorflow/(${libraries.join("|").replaceAll(".", "\\.")})`,
  `tensorflow/(include/(?:${headers}).*)`,
  "[^/]+\\.dist-info/(METADATA)",
];
/** The files of a CUDA wheel that are installed: libraries, what CUDA compiles kernels with at run time, the licence. */
const cudaMembers = [
  "nvidia/[^/]+/(lib/[^/]+\\.so[^/]*)",
  "nvidia/[^/]+/(bin/ptxas|nvvm/libdevice/.+)",
  "[^/]+\\.dist-info/(?:licenses/)?(License\\.txt)",
];

/**
 * Symbolic links below `nvidia/` for libraries that are needed but in no search path. TensorFlow's framework, which opens
 * all CUDA libraries, does not search the folder of cusolver, but that of nvshmem, which is not installed. cuDNN looks for
 * nvrtc in a folder of another name. The links are relative, so that the folder can be copied.
 */
const cudaLinks = [
  { link: "nvshmem/lib/libcusolver.so.11", to: "../../cusolver/lib/libcusolver.so.11" },
  { link: "nvrtc", to: "cuda_nvrtc" },
];

/**
 * Installs TensorFlow's library, unless it is installed and undamaged. Call it while holding the cache's lock.
 * @param {Platform} platform
 * @param {Say} say
 * @param {string} again the command that starts the set-up again
 * @param {readonly Wheel[]} [cuda] CUDA wheels that will be installed afterwards and need room on the disk too
 */
export async function installLibrary(platform, say, again, cuda = []) {
  const later = cudaParts(platform, cuda);
  const what = later.length > 0 ? `${title} with its CUDA libraries` : title;
  await installParts([libraryPart(platform)], say, again, { what, later });
}

/**
 * Installs the CUDA libraries that the installed TensorFlow requires. Call it after `installLibrary`, with the same lock.
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
