/**
 * The fingerprint of a worker: what must be equal for two workers to compute equal bits. It is known before TensorFlow is
 * loaded. Threads and oneDNN are in the spec, so they are equal by construction. Environment variables that decide bits are
 * hidden from TensorFlow or described with the device (engine/native/deciding-variables.ts).
 */

import type { ComputeDevice } from "../engine/native/compute-device.js";
import { tensorFlowVersion } from "../engine/native/setup/platform.mjs";
import { nodeMajor, processorDescription, startDescription } from "../engine/processor-fingerprint.js";
import type { WireFingerprint } from "../shared/grpc/control-messages.js";

/** TensorFlow's GPU build counts as a different build on the CPU too: equal bits were seen, but are not promised. */
export function workerFingerprint({ build, gpu }: ComputeDevice): WireFingerprint {
  return {
    tensorflow: `${tensorFlowVersion} ${build}`,
    device: `${gpu ?? processorDescription()}${startDescription(process.env)}`,
    nodeMajor: nodeMajor(),
  };
}
