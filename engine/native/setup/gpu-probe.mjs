/**
 * A program that asks the driver for its GPUs, and TensorFlow whether it can use one, and then ends. A driver that crashes
 * or hangs therefore does no harm to the process that wants to know, and CUDA is not initialised there.
 * Argument: the folder of the GPU build's binding. Writes one line of JSON, a GpuProbe.
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
