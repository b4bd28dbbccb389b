/**
 * A program: asks the driver for its GPUs, and TensorFlow whether it can use one, in a process that ends with the
 * answer. What goes wrong in a driver goes wrong here, and the asking process' own CUDA stays untouched.
 * Argument: the folder of the GPU's binding. Writes one line of JSON, a GpuProbe.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { bindingFile, nvidiaDriverFile } from "./cache-paths.mjs";

/**
 * @typedef {{ library: boolean, error: string, version: number, devices: string[] }} DriverAnswer see nvidia_driver.cc
 * @typedef {{ driver: DriverAnswer, isUsable: boolean }} GpuProbe isUsable: TensorFlow has taken a GPU
 */

const require = createRequire(import.meta.url);
const folder = process.argv[2] ?? "";

/** @type {DriverAnswer} */
const driver = require(join(folder, nvidiaDriverFile)).ask();
const isUsable = driver.devices.length > 0 && require(join(folder, bindingFile)).isUsingGpuDevice();
process.stdout.write(`${JSON.stringify({ driver, isUsable })}\n`);
