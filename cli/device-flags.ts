/** `--device`: on what a worker computes, or an engine of a command's own. */
import type { DeviceRequest } from "../engine/native/compute-device.js";
import { findDevice } from "../engine/native/find-device.js";

/**
 * Writes to standard error what workers of this machine will compute on, when a GPU is involved. Errors: SETUP for `gpu`
 * where TensorFlow can use none.
 */
export async function announceDevice(wish: DeviceRequest): Promise<void> {
  const { sentence, isNews } = await findDevice(wish);
  if (isNews) process.stderr.write(`${sentence}\n`);
}
