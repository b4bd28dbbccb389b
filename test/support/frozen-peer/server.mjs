/**
 * A slice's server in a process of its own, whose loop can then be watched from outside: it sends weights without an end,
 * reads uploads, and cuts all its calls when it is told so. Answers every line on standard input with what it holds.
 */
import { createInterface } from "node:readline";

/**
 * @typedef {import("../../../shared/grpc/tensor-server.js").UploadCall} UploadCall
 * @typedef {import("../../../shared/grpc/tensor-server.js").WeightsCall} WeightsCall
 */

/** The program as it is built. */
const built = new URL("../../../dist/shared/grpc/tensor-server.js", import.meta.url).href;
/** @type {typeof import("../../../shared/grpc/tensor-server.js")} */
const { Http2TensorServer } = await import(built);

/** @type {Set<UploadCall | WeightsCall>} */
const calls = new Set();
/** @param {UploadCall | WeightsCall} call that is open */
const keep = (call) => {
  calls.add(call);
  call.onOver(() => calls.delete(call));
};
const data = new Uint8Array(1024 * 1024);

/** @param {WeightsCall} call that reads weights */
async function sendForEver(call) {
  while (!call.isOver) {
    const fields = { generation: 1, slice: 0, step: 0, crc32c: 0, encoding: "FLOAT32", offset: 0 };
    await call.send({ fields, data });
  }
}

/** @param {UploadCall} call that sends partials */
async function readAll(call) {
  keep(call);
  for await (const _ of call.messages()) if (call.isOver) break;
}

const server = new Http2TensorServer();
const handlers = {
  /** @param {UploadCall} call that sends partials */
  upload: (call) => void readAll(call).catch(() => undefined),
  /** @param {WeightsCall} call that reads weights */
  weights: (call) => {
    keep(call);
    void sendForEver(call);
    void sendForEver(call);
  },
};
const address = { host: "127.0.0.1", port: 0, receiveWindowBytes: 8 * 1024 * 1024, tls: null };
const port = await server.listen(handlers, address);
console.log(port);
for await (const line of createInterface(process.stdin)) {
  const { size } = calls;
  if (line === "cut") for (const call of calls) call.cut();
  console.log(JSON.stringify({ calls: size, megabytes: Math.round(process.memoryUsage().rss / 1e6) }));
}
process.exit(0);
