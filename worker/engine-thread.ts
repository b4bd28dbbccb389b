/**
 * The entry of a worker's engine thread. An engine call blocks the thread that it runs in. In a thread of its own it does
 * not delay heartbeats and streams.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { loadTensorFlow, type TensorFlow } from "../engine/native/load-tensorflow.js";
import { createEngine } from "../engine/tensorflow-engine.js";
import { realClock } from "../shared/clock.js";
import { asTrainyardError } from "../shared/errors.js";
import type { EngineReply, EngineRequest, EngineThreadOptions } from "./engine-calls.js";
import { EngineHost } from "./engine-host.js";

const options = workerData as EngineThreadOptions;
const port = parentPort as MessagePort;
let tensorflow: TensorFlow | undefined;
let host: EngineHost | undefined;

function opened(): EngineHost {
  if (host === undefined) {
    tensorflow = loadTensorFlow(options);
    host = new EngineHost(createEngine(tensorflow, options.spec), options.spec);
  }
  return host;
}

function answer(request: EngineRequest): unknown {
  const here = opened();
  if (request.name !== "open") return here.carryOut(request);
  return { layout: here.engine.layout, tensorflow: tensorflow?.version["tfjs-node"] ?? "" };
}

/** The memory of an output's vector, which moves to the main thread without a copy. */
function transferOf(output: unknown): ArrayBuffer[] {
  const vector =
    output instanceof Float32Array ? output : (output as { gradient?: Float32Array } | null)?.gradient;
  return vector?.buffer instanceof ArrayBuffer ? [vector.buffer] : [];
}

port.on("message", (request: EngineRequest) => {
  const startedMs = realClock.nowMs();
  try {
    const output = answer(request);
    const reply: EngineReply = {
      id: request.id,
      tag: "done",
      output,
      seconds: (realClock.nowMs() - startedMs) / 1000,
    };
    port.postMessage(reply, transferOf(output));
  } catch (caught) {
    const error = asTrainyardError(caught, "ENGINE");
    port.postMessage({ id: request.id, tag: "failed", code: error.code, message: error.message });
  }
});
