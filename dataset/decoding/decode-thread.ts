/**
 * Entry of a thread that decodes and resizes pictures, so that neither heartbeats nor streams wait for that. Plain JPEG
 * files go through TensorFlow's decoder, all others through the general one; where a GPU computes, all of them, with the
 * same pixels: TensorFlow would open the GPU for each thread, and decode no faster.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { LocalDecoder } from "./image-decoder.js";
import { JpegDecoder } from "../../engine/jpeg-decoder.js";
import { loadBinding } from "../../engine/native/load.js";
import type { NativeBinding } from "../../engine/recording/backend.js";
import { imageBytesOf } from "../../shared/spec.js";
import type { DecodeReply, DecodeRequest, DecodeThreadOptions } from "./decode-messages.js";

const { image, engine, device } = workerData as DecodeThreadOptions;
const port = parentPort as MessagePort;
const decoder = new LocalDecoder(image, device?.gpu == null ? tensorFlowDecoder() : undefined);
const imageBytes = imageBytesOf(image);

function tensorFlowDecoder() {
  const options = device === undefined ? engine : { ...engine, device };
  const jpegs = new JpegDecoder(loadBinding(options) as NativeBinding);
  return jpegs.decode.bind(jpegs);
}

async function answer({ id, bytes, ends }: DecodeRequest): Promise<DecodeReply> {
  const files = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
  const pictures = new Uint8Array(files.length * imageBytes);
  const failures: [number, string][] = [];
  for (const [at, picture] of (await decoder.decode(files)).entries()) {
    if (picture instanceof Error) failures.push([at, picture.message]);
    else pictures.set(picture, at * imageBytes);
  }
  return { id, pictures, failures };
}

port.on("message", async (request: DecodeRequest) => {
  const reply = await answer(request);
  port.postMessage(reply, [reply.pictures.buffer]);
});
