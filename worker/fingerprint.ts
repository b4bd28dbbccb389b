/**
 * What must be equal for two workers to compute equal bits, known before TensorFlow is loaded. Threads and oneDNN
 * are in the spec, so they are equal by construction.
 */

import type { ComputeDevice } from "../engine/native/compute-device.js";
import { tensorFlowVersion } from "../engine/native/setup/platform.mjs";
import { nodeMajor, processorDescription } from "../engine/processor-fingerprint.js";
import type { WireFingerprint } from "../shared/grpc/control-messages.js";

/** The GPU's build counts as another one on the CPU, too: same bits were seen, and nobody vouches for them. */
export function workerFingerprint({ build, gpu }: ComputeDevice): WireFingerprint {
  return {
    tensorflow: `${tensorFlowVersion} ${build}`,
    device: gpu ?? processorDescription(),
    nodeMajor: nodeMajor(),
  };
}
