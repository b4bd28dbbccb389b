/** What must be equal for two workers to compute equal bits, known before TensorFlow is loaded. Threads and oneDNN
 * are in the spec, so they are equal by construction. */

import { hostFingerprint } from "../engine/fingerprint.js";
import type { WireFingerprint } from "../shared/grpc/control-messages.js";

export const workerFingerprint = (): WireFingerprint => hostFingerprint();
