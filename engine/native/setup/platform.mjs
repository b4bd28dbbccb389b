/**
 * The machines on which Trainyard runs (Node, operating system, C library), and the TensorFlow wheel of each platform for
 * CPU and GPU. The check takes a description of a machine, so that every error can be tested on any machine.
 */
import { SetupError } from "./setup-error.mjs";

/**
 * @typedef {import("./install-wheel.mjs").Wheel} Wheel
 * @typedef {"cpu" | "gpu"} Build what a TensorFlow library was built for; the GPU build computes on the CPU too
 * @typedef {{ node: string, os: string, arch: string, glibc: string | null }} Machine glibc: null on a system with musl
 * @typedef {{ name: string, build: Build, wheel: Wheel }} Platform
 */

/** The version of TensorFlow that is installed. */
export const tensorFlowVersion = "2.21.0";
const oldestNode = [20, 19];
const oldestGlibc = [2, 27];

/**
 * The wheel for each platform, for CPython 3.11. Only its C++ library is used, so the machine's Python does not matter; one
 * fixed file has one fixed checksum.
 * @type {Readonly<Record<string, Wheel>>}
 */
const cpuWheels = {
  "linux-x64": {
    distribution: "tensorflow-cpu",
    version: tensorFlowVersion,
    file: "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
    bytes: 273_829_956,
    installedBytes: 854_000_000,
  },
  // For this processor the package without "-cpu" is the CPU build; there is no other.
  "linux-arm64": {
    distribution: "tensorflow",
    version: tensorFlowVersion,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl",
    sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
    bytes: 281_828_020,
    installedBytes: 883_700_000,
  },
};

/** @type {Readonly<Record<string, Wheel>>} */
const gpuWheels = {
  "linux-x64": {
    distribution: "tensorflow",
    version: tensorFlowVersion,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
    bytes: 572_440_367,
    installedBytes: 1_259_500_000,
  },
};

/** The name of this machine's platform, such as "linux-x64", whether Trainyard runs on it or not. */
export function platformName() {
  return `${process.platform}-${process.arch}`;
}

/**
 * A description of this machine.
 * @returns {Machine}
 */
export function thisMachine() {
  return { node: process.versions.node, os: process.platform, arch: process.arch, glibc: glibcVersion() };
}

function glibcVersion() {
  if (process.platform !== "linux") return null;
  /** @type {{ header?: { glibcVersionRuntime?: string } }} */
  const report = /** @type {object} */ (process.report.getReport());
  return report.header?.glibcVersionRuntime ?? null;
}

/**
 * The machine's platform. Throws a SetupError, in one sentence, when Trainyard does not run on it.
 * @param {Machine} machine
 * @param {Build} [build]
 * @returns {Platform}
 */
export function checkPlatform(machine, build = "cpu") {
  checkNode(machine.node);
  const name = `${machine.os}-${machine.arch}`;
  const cpuWheel = cpuWheels[name];
  if (cpuWheel === undefined) {
    throw new SetupError(
      `Trainyard trains on Linux x64 and arm64, and this is ${name}. Run it in a Linux container: docker run -it -v "$PWD":/trainyard -w /trainyard node:24-bookworm bash`,
    );
  }
  checkGlibc(machine.glibc);
  const wheel = build === "gpu" ? gpuWheels[name] : cpuWheel;
  if (wheel !== undefined) return { name, build, wheel };
  throw new SetupError(
    `TensorFlow ${tensorFlowVersion} comes with CUDA for Linux x64 only, and this is ${name}. Install its build for the CPU: npx trainyard setup`,
  );
}

/**
 * Throws a SetupError when this version of Node is too old.
 * @param {string} version
 */
export function checkNode(version) {
  if (isAtLeast(version, oldestNode)) return;
  throw new SetupError(
    `Trainyard needs Node ${oldestNode.join(".")} or newer, and this is Node ${version}. Get a newer one, for example: nvm install 24`,
  );
}

/** @param {string | null} version */
function checkGlibc(version) {
  if (version === null) {
    throw new SetupError(
      'This Linux uses musl, and TensorFlow is built for glibc only. Use a Debian-based system or image: docker run -it -v "$PWD":/trainyard -w /trainyard node:24-bookworm bash',
    );
  }
  if (isAtLeast(version, oldestGlibc)) return;
  throw new SetupError(
    `TensorFlow ${tensorFlowVersion} needs glibc ${oldestGlibc.join(".")} or newer, and this system has ${version}. Use a newer system or image: docker run -it -v "$PWD":/trainyard -w /trainyard node:24-bookworm bash`,
  );
}

/**
 * @param {string} version
 * @param {readonly number[]} least major, minor
 */
function isAtLeast(version, least) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
