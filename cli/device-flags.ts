/** `--device`: on what a worker computes, or an engine of a command's own. */
import { type DeviceRequest, deviceRequests } from "../engine/native/compute-device.js";
import { findDevice } from "../engine/native/find-device.js";

export interface DeviceFlags {
  device: DeviceRequest;
}

/** `group`: the heading that it stands under in a command's help. */
export const deviceOptions = (group?: string) => ({
  device: {
    choices: deviceRequests,
    default: "auto" as const,
    requiresArg: true,
    describe: "Compute on the GPU, on the CPU, or on a GPU where TensorFlow can use one (auto)",
    ...(group === undefined ? {} : { group }),
  },
});

/**
 * What workers of this machine will compute on, told on standard error where the machine has to do with GPUs. Errors: SETUP
 * for `gpu` where TensorFlow can use none.
 */
export async function announceDevice(wish: DeviceRequest): Promise<void> {
  const { sentence, isNews } = await findDevice(wish);
  if (isNews) process.stderr.write(`${sentence}\n`);
}

/** The flag again, for a worker that is started from here. */
export const deviceWords = ({ device }: Partial<DeviceFlags>): string[] =>
  device === undefined ? [] : ["--device", device];
