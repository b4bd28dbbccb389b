/**
 * Entry of a thread that decodes and resizes pictures, so that neither heartbeats nor streams wait for that. Plain JPEG
 * files go through TensorFlow's decoder, all others through the general one.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { LocalDecoder } from "../dataset/picture-decoder.js";
import { JpegDecoder } from "../engine/jpeg-decoder.js";
import { loadBinding } from "../engine/native/load.js";
import type { NativeBinding } from "../engine/recording/backend.js";
import { imageBytesOf } from "../shared/spec.js";
import type { DecodeReply, DecodeRequest, DecodeThreadOptions } from "./decode-calls.js";

const { image, engine } = workerData as DecodeThreadOptions;
const port = parentPort as MessagePort;
const binding = loadBinding(engine) as NativeBinding;
const jpegs = JpegDecoder.isFor(binding) ? new JpegDecoder(binding) : null;
const decoder = new LocalDecoder(image, jpegs === null ? undefined : jpegs.decode.bind(jpegs));
const imageBytes = imageBytesOf(image);

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
