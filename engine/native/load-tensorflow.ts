/**
 * Loads tfjs-node with the TensorFlow library that `trainyard setup` has installed in the cache, in any thread of any
 * process. Nothing is written into node_modules. Only this file knows the binding, its environment variables, and what
 * tfjs-node needs on newer versions of Node. The folder setup/ installs the library.
 */
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { TrainyardError } from "../../shared/errors.js";
import { type ComputeDevice, cpuDevice } from "./compute-device.js";
import { hiddenVariables } from "./deciding-variables.js";
import { beforeLoadFile, bindingFile, bindingFolder, isInstalled } from "./setup/cache-paths.mjs";
import { type Build, platformName } from "./setup/platform.mjs";

/** tfjs-node's module. */
export type TensorFlow = typeof import("@tensorflow/tfjs-node-gpu");

/** TensorFlow's options. All of them influence the bits of a result. */
export interface NativeOptions {
  /** Number of threads within one TensorFlow op. */
  readonly intraOpThreads: number;
  /** Whether TensorFlow uses its oneDNN kernels. */
  readonly oneDnn: boolean;
  /** The device that computes. Default: the CPU. */
  readonly device?: ComputeDevice;
}

/** The exports of before_load.cc. */
interface BeforeLoad {
  agree(configuration: string): string;
  setEnvironment(name: string, value: string): void;
  unsetEnvironment(name: string): void;
  hush(on: boolean): void;
}

/** The part of the binding that is used here. */
interface LoadedBinding {
  isUsingGpuDevice(): boolean;
}

const require = createRequire(import.meta.url);
const tfjsNode = "@tensorflow/tfjs-node-gpu";

/**
 * The environment variables that TensorFlow reads while it loads. Those that decide the bits of results are set by the
 * run's spec and override the user's environment; the log level is the user's, if set. Others that decide bits are taken
 * away (deciding-variables.ts).
 */
export function nativeEnvironment(options: NativeOptions): Record<string, string> {
  return {
    TF_NUM_INTRAOP_THREADS: String(options.intraOpThreads),
    TF_NUM_INTEROP_THREADS: "1",
    TF_ENABLE_ONEDNN_OPTS: options.oneDnn ? "1" : "0",
    TF_DETERMINISTIC_OPS: "1",
    TF_CUDNN_DETERMINISTIC: "1",
    TF_CPP_MIN_LOG_LEVEL: process.env["TF_CPP_MIN_LOG_LEVEL"] ?? "2",
    ...deviceEnvironment(options.device ?? cpuDevice()),
  };
}

/**
 * The variables for a device. Of several GPUs only the first is visible, because eager ops and graphs would not choose the
 * same one. GPU memory is allocated as it is needed, so that workers can share a GPU. The CPU build needs none of this.
 */
function deviceEnvironment({ build, gpu }: ComputeDevice): Record<string, string> {
  if (build === "cpu") return {};
  if (gpu === null) return { CUDA_VISIBLE_DEVICES: "-1" };
  return {
    CUDA_VISIBLE_DEVICES: process.env["CUDA_VISIBLE_DEVICES"]?.split(",")[0]?.trim() || "0",
    TF_FORCE_GPU_ALLOW_GROWTH: process.env["TF_FORCE_GPU_ALLOW_GROWTH"] ?? "true",
  };
}

/**
 * Loads TensorFlow with these options, which takes about a second. A process has only one TensorFlow: throws ENGINE when
 * it is loaded already with other options. Throws SETUP when the library or its binding is not installed.
 */
export function loadTensorFlow(options: NativeOptions): TensorFlow {
  const device = options.device ?? cpuDevice();
  loadBinding({ ...options, device });
  restoreOldUtil();
  return requireTfjsNode(join(installedBinding(device.build), bindingFile));
}

/**
 * Loads only the native binding, without tfjs-node's JavaScript, for a thread that calls single ops. Options and errors
 * are those of `loadTensorFlow`.
 */
export function loadBinding(options: NativeOptions): unknown {
  const device = options.device ?? cpuDevice();
  const folder = installedBinding(device.build);
  const environment = nativeEnvironment({ ...options, device });
  const before = load(join(folder, beforeLoadFile)) as BeforeLoad;
  agreeOnce(before, { ...options, device });
  for (const name of hiddenVariables(process.env)) {
    if (!(name in environment)) before.unsetEnvironment(name);
  }
  for (const [name, value] of Object.entries(environment)) before.setEnvironment(name, value);
  const isQuiet = Number(environment["TF_CPP_MIN_LOG_LEVEL"]) >= 1;
  if (isQuiet) before.hush(true);
  try {
    const binding = load(join(folder, bindingFile)) as LoadedBinding;
    refuseOtherDevice(binding, device);
    return binding;
  } finally {
    if (isQuiet) before.hush(false);
  }
}

function installedBinding(build: Build): string {
  const folder = bindingFolder(platformName(), build);
  if (isInstalled(platformName(), build)) return folder;
  throw new TrainyardError(
    "SETUP",
    `TensorFlow is not set up for this version of Trainyard (looked in ${folder}). Run: npx trainyard setup${build === "gpu" ? " --gpu" : ""}`,
  );
}

/** Throws when TensorFlow does not get the GPU that it could use when the device was chosen. */
function refuseOtherDevice(binding: LoadedBinding, { gpu }: ComputeDevice): void {
  if (gpu === null || binding.isUsingGpuDevice()) return;
  throw new TrainyardError(
    "ENGINE",
    `TensorFlow does not get the ${gpu} that it could use a moment ago: look at nvidia-smi, whether its memory is full`,
  );
}

function load(addon: string): unknown {
  try {
    return require(addon);
  } catch (caught) {
    const reason = caught instanceof Error ? caught.message : String(caught);
    throw new TrainyardError("SETUP", `TensorFlow does not load: ${reason}. Run: npx trainyard setup`, {
      cause: caught,
    });
  }
}

function agreeOnce(before: BeforeLoad, { intraOpThreads, oneDnn, device }: NativeOptions): void {
  const computes = device?.gpu == null ? "" : `, ${device.gpu}`;
  const wanted = `${intraOpThreads} threads, oneDNN ${oneDnn ? "on" : "off"}${computes}`;
  const first = before.agree(wanted);
  if (first === wanted) return;
  throw new TrainyardError(
    "ENGINE",
    `TensorFlow runs in this process with ${first} already and can't change to ${wanted}. Start another process.`,
  );
}

/** Restores two functions of `util` that tfjs-node calls; Node 22 deprecates them and Node 23 has removed them. */
function restoreOldUtil(): void {
  const util = require("node:util") as Record<string, unknown>;
  util["isNullOrUndefined"] = (value: unknown) => value === null || value === undefined;
  util["isArray"] = Array.isArray;
}

/** Loads tfjs-node with our binding: it asks node-pre-gyp for the binding's path, and a replacement answers. */
function requireTfjsNode(binding: string): TensorFlow {
  const finder = createRequire(require.resolve(tfjsNode)).resolve("@mapbox/node-pre-gyp");
  const standIn = new Module(finder);
  standIn.exports = { find: () => binding };
  standIn.loaded = true;
  require.cache[finder] = standIn;
  return require(tfjsNode) as TensorFlow;
}
