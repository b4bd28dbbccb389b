/** Workers' connections to a slice, in a process that a test freezes in the middle of messages. Ends them once it is awake. */
import { connect } from "node:http2";

const [port = 0, connections = 0] = process.argv.slice(2).map(Number);
/** The program as it is built. */
const built = new URL("../../../dist/shared/grpc/protocol.js", import.meta.url).href;
/** @type {typeof import("../../../shared/grpc/protocol.js")} */
const { tensorMethods } = await import(built);
const { Upload, Weights } = tensorMethods();
/** @param {string} path of the method */
const headers = (path) => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/grpc+proto",
  te: "trailers",
});

/** @param {number} index of the connection */
async function begin(index) {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 8 * 1024 * 1024 } });
  session.on("error", () => undefined);
  await new Promise((connected) => session.once("connect", connected));
  session.setLocalWindowSize(16 * 1024 * 1024);
  const weights = session.request(headers(Weights.path));
  const request = Weights.requestSerialize({ run: "r", generation: 1, slice: 0, worker: "w" });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(request.length, 1);
  weights.end(Buffer.concat([prefix, request]));
  const upload = session.request(headers(Upload.path));
  for (const stream of [weights, upload]) stream.on("error", () => undefined).on("data", () => undefined);
  setTimeout(() => (index % 2 === 0 ? session.destroy() : session.close()), 6_000 + 3 * index);
}

await Promise.all(Array.from({ length: connections }, (_, index) => begin(index)));
setTimeout(() => process.exit(0), 7_500);
