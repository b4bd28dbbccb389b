/**
 * What must be equal for two workers to compute equal bits, known before TensorFlow is loaded. Threads and oneDNN
 * are in the spec, so they are equal by construction.
 */
import { nodeMajor, processorDescription } from "../engine/fingerprint.js";
import { tensorFlowVersion } from "../engine/native/setup/platform.mjs";
import type { WireFingerprint } from "../shared/grpc/control-messages.js";

export function workerFingerprint(): WireFingerprint {
  return {
    tensorflow: `${tensorFlowVersion} cpu`,
    device: processorDescription(),
    nodeMajor: nodeMajor(),
  };
}
