/**
 * An engine thread whose graph does nothing but the augmentation: images in 0..255 become what the first layer would
 * get. What leaves is one number, so that no program is timed for copying pixels that training never copies.
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { MicroBatch } from "../../../engine/engine.js";
import { loadTensorFlow } from "../../../engine/native/load-tensorflow.js";
import { augmentedPixels } from "../../../engine/preprocessing.js";
import { type RecordedInput, record } from "../../../engine/recording/op-recorder.js";
import { DataType, nodeBackend, type TensorValues } from "../../../engine/recording/tfjs-node-backend.js";
import { GraphSession } from "../../../engine/session/graph-session.js";
import { exampleTensor, nativeTensor } from "../../../engine/session/native-tensor.js";
import type { RunSpec } from "../../../shared/spec.js";

const spec = workerData as RunSpec;
const port = parentPort as MessagePort;
const tf = loadTensorFlow(spec.engine);
const backend = nodeBackend(tf);
const { height, width, channels } = spec.image;

/** Name, shape of n samples, type. */
const shapes = (n: number) =>
  ({
    images: [[n, height, width, channels], DataType.uint8],
    transforms: [[n, 8], DataType.float],
    brightness: [[n], DataType.float],
    channelShifts: [[n], DataType.float],
  }) as const;
type Name = keyof ReturnType<typeof shapes>;
const names: readonly Name[] = ["images", "transforms", "brightness", "channelShifts"];

function recordAugmentation(n: number): GraphSession {
  const input = (name: Name): RecordedInput => {
    const [shape, dtype] = shapes(n)[name];
    const size = shape.reduce((product: number, side) => product * side, 1);
    const values = dtype === DataType.uint8 ? new Uint8Array(size) : new Float32Array(size);
    return { name, dtype, tensor: exampleTensor(backend, shape, dtype, values) };
  };
  const [images, transforms, brightness, channelShifts] = names.map(input) as [
    RecordedInput,
    RecordedInput,
    RecordedInput,
    RecordedInput,
  ];
  const drawn = {
    transforms: transforms.tensor,
    brightness: brightness.tensor,
    channelShifts: channelShifts.tensor,
  };
  const graph = record(tf, [images, transforms, brightness, channelShifts], () => ({
    sum: augmentedPixels(tf, images.tensor, drawn, { ...spec }).sum(),
  }));
  return new GraphSession(backend.binding, graph);
}

const sessions = new Map<number, GraphSession>();

function sessionOf(n: number): GraphSession {
  const session = sessions.get(n) ?? recordAugmentation(n);
  sessions.set(n, session);
  return session;
}

function augment(batch: MicroBatch): number {
  const n = batch.labels.length;
  const feeds = new Map(
    names.map((name) => {
      const [shape, dtype] = shapes(n)[name];
      return [name, nativeTensor(backend.binding, shape, dtype, batch[name])] as const;
    }),
  );
  const [sum] = sessionOf(n).run(feeds, ["sum"]) as [TensorValues];
  for (const tensor of feeds.values()) tensor.close();
  return sum[0] as number;
}

const zeros = (n: number): MicroBatch => ({
  images: new Uint8Array(n * height * width * channels),
  labels: new Int32Array(n),
  transforms: new Float32Array(n * 8),
  brightness: new Float32Array(n),
  channelShifts: new Float32Array(n),
  dropoutSeed: [0, 0],
});

port.on("message", (message: { prepare: number } | { batch: MicroBatch }) => {
  if ("batch" in message) return port.postMessage(augment(message.batch));
  // TensorFlow rewrites a graph in its first run, which belongs to the start.
  port.postMessage(augment(zeros(message.prepare)));
});
