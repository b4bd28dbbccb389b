/**
 * Entry of a thread that decodes and resizes images, so that neither heartbeats nor streams wait for it. It answers
 * the requests of a DecodePool. Plain JPEG files go through the plugged-in decoder, where the pool names one.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { imageBytesOf } from "../../shared/spec.js";
import type { DecodeReply, DecodeRequest, DecodeThreadOptions } from "./decode-messages.js";
import { LocalDecoder } from "./image-decoder.js";
import { loadPlainJpegDecoder } from "./plain-jpeg-decoder.js";

const { image, plainJpegs } = workerData as DecodeThreadOptions;
const port = parentPort as MessagePort;
const plainJpegDecoder = plainJpegs === undefined ? undefined : await loadPlainJpegDecoder(plainJpegs);
const decoder = new LocalDecoder(image, plainJpegDecoder);
const imageBytes = imageBytesOf(image);

async function answer({ id, bytes, ends }: DecodeRequest): Promise<DecodeReply> {
  const files = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  const images = new Uint8Array(files.length * imageBytes);
  const failures: [number, string][] = [];
  for (const [at, decoded] of (await decoder.decode(files)).entries()) {
    if (decoded instanceof Error) failures.push([at, decoded.message]);
    else images.set(decoded, at * imageBytes);
  }
  return { id, images, failures };
}

port.on("message", async (request: DecodeRequest) => {
  const reply = await answer(request);
  port.postMessage(reply, [reply.images.buffer]);
});
