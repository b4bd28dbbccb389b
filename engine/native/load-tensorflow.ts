/**
 * Loads tfjs-node on the TensorFlow library that `trainyard setup` installed in the cache, in any thread of any
 * process; nothing is written into node_modules. The only place that knows of the binding, its environment
 * variables, and what tfjs-node needs of newer Nodes. Installing the library is setup/'s.
 */
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { TrainyardError } from "../../shared/errors.js";
import { type ComputeDevice, cpuDevice } from "./compute-device.js";
import { beforeLoadFile, bindingFile, bindingFolder, isInstalled } from "./setup/cache-paths.mjs";
import { type Build, platformName } from "./setup/platform.mjs";

export type TensorFlow = typeof import("@tensorflow/tfjs-node-gpu");

export interface NativeOptions {
  /** Threads within one TensorFlow operation; part of the bits of a result. */
  readonly intraOpThreads: number;
  /** Whether TensorFlow's oneDNN kernels are used; part of the bits of a result. */
  readonly oneDnn: boolean;
  /** What computes; part of the bits of a result. Default: the CPU. */
  readonly device?: ComputeDevice;
}

/** The exports of before_load.cc. */
interface BeforeLoad {
  agree(configuration: string): string;
  setEnvironment(name: string, value: string): void;
  hush(on: boolean): void;
}

/** What is asked of the binding here. */
interface LoadedBinding {
  isUsingGpuDevice(): boolean;
}

const require = createRequire(import.meta.url);
const tfjsNode = "@tensorflow/tfjs-node-gpu";

/**
 * The variables that TensorFlow reads while it loads. What a run's spec fixes is set whatever the user's
 * environment says, because it decides the bits of every result; the log level is the user's if set.
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
 * One GPU of those that the process sees, since eager ops and graphs would not choose the same of several; its memory as
 * it is needed, for workers that share it. The CPU's build knows no GPU.
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
 * TensorFlow with these options; loading takes about a second. A process has one TensorFlow: asked again with
 * other options, this throws ENGINE. Throws SETUP when the library or its binding is not in the cache.
 */
export function loadTensorFlow(options: NativeOptions): TensorFlow {
  const device = options.device ?? cpuDevice();
  loadBinding({ ...options, device });
  restoreOldUtil();
  return requireTfjsNode(join(installedBinding(device.build), bindingFile));
}

/**
 * The binding alone, without tfjs-node's JavaScript: for a thread that calls single ops. Options and errors as
 * `loadTensorFlow`'s.
 */
export function loadBinding(options: NativeOptions): unknown {
  const device = options.device ?? cpuDevice();
  const folder = installedBinding(device.build);
  const environment = nativeEnvironment({ ...options, device });
  const before = load(join(folder, beforeLoadFile)) as BeforeLoad;
  agreeOnce(before, { ...options, device });
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

/** The device was chosen when TensorFlow could use it. */
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

/** tfjs-node calls two functions of `util` that Node 22 warns of and Node 23 took out. */
function restoreOldUtil(): void {
  const util = require("node:util") as Record<string, unknown>;
  util["isNullOrUndefined"] = (value: unknown) => value === null || value === undefined;
  util["isArray"] = Array.isArray;
}

/** tfjs-node asks node-pre-gyp where its binding lies; a stand-in answers with ours. */
function requireTfjsNode(binding: string): TensorFlow {
  const finder = createRequire(require.resolve(tfjsNode)).resolve("@mapbox/node-pre-gyp");
  const standIn = new Module(finder);
  standIn.exports = { find: () => binding };
  standIn.loaded = true;
  require.cache[finder] = standIn;
  return require(tfjsNode) as TensorFlow;
}
