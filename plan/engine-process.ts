/**
 * Entry of a process with an engine of its own, as another worker on this machine would be: engines of one process
 * share TensorFlow's threads, those of two don't.
 */
import type { RunSpec } from "../shared/spec.js";
import { type Batches, laneTimes, openEngine } from "./lane-times.js";

export type ToEngineProcess =
  | { readonly tag: "open"; readonly spec: RunSpec; readonly batches: Batches }
  | { readonly tag: "compute" };

export type FromEngineProcess =
  | { readonly tag: "ready" }
  | { readonly tag: "computed"; readonly times: readonly number[] }
  | { readonly tag: "failed"; readonly message: string };

const say = (message: FromEngineProcess) => process.send?.(message);
const never = new AbortController().signal;

interface Opened {
  readonly spec: RunSpec;
  readonly batches: Batches;
  readonly engine: Awaited<ReturnType<typeof openEngine>>;
}
let opened: Opened | undefined;

async function carryOut(message: ToEngineProcess): Promise<void> {
  if (message.tag === "open") {
    const { spec, batches } = message;
    opened = { spec, batches, engine: await openEngine(spec) };
    say({ tag: "ready" });
    return;
  }
  if (opened === undefined) throw new Error("invariant broken: it computes before it is open");
  const { engine, batches, spec } = opened;
  say({ tag: "computed", times: await laneTimes(engine, batches, spec, never) });
}

process.on("message", (message: ToEngineProcess) => {
  carryOut(message).catch((error: Error) => say({ tag: "failed", message: error.message }));
});
process.on("disconnect", () => process.exit());
