/** A worker's first words, as a test needs them. */
import type { Hello } from "../../coordinator/worker-streams.js";
import { protocolVersion } from "../../shared/grpc/version.js";

export const helloOf = (worker: string, metrics = ""): Hello => ({
  kind: "hello",
  protocol: protocolVersion,
  version: "0.1.0",
  worker,
  host: "h",
  pid: 1,
  fingerprint: null,
  metrics,
});
