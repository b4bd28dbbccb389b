/**
 * Partials up and weights down over a distance: a proxy adds 0, 1 and 10 ms each way. MB/s on one stream, beside plain
 * TCP through the same proxy. Nothing is computed: what is measured is whether windows hold the streams back.
 *   npm run bench -- distance [--quick] [--wire bfloat16] [--reducers 1]
 */
import type { ChildProcess } from "node:child_process";
import type { SliceEndpoint } from "../../shared/grpc/control-messages.js";
import { bytesPerElement, type Wire } from "../../shared/grpc/wire.js";
import { roundToBfloat16 } from "../../shared/kernels/bfloat16.js";
import { PartialSender } from "../../worker/gradient-upload.js";
import { WeightsReceiver } from "../../worker/weights-receiver.js";
import { answerOf, lossOf, startChild } from "./frame/children.js";
import { machine, row, spread } from "./frame/figures.js";
import { flag, isQuick, numberFlag } from "./frame/flags.js";

const wire = flag("wire", "float32") as Wire;
const reducers = numberFlag("reducers", 1);
const parameters = isQuick ? 2e6 : 16e6;
const steps = isQuick ? 4 : 9;
const delays = isQuick ? [0, 1] : [0, 1, 10];
const megabytes = (parameters * bytesPerElement(wire)) / 1e6;
const run = { run: "distance", generation: 1 };

const children: ChildProcess[] = [];
function start<Message>(name: string, words: readonly string[]): Promise<Message> {
  const child = startChild(new URL(`./emulated/${name}.js`, import.meta.url), words);
  children.push(child);
  return answerOf<Message>(child);
}

/** The work's outcome. Errors: the loss of any child. */
const whileAllLive = <T>(work: Promise<T>) => Promise.race([work, ...children.map(lossOf)]);

const throughProxy = (port: number, delayMs: number) =>
  start<number>("delay-proxy", [String(port), String(delayMs)]);

const megabytesPerSecond = (seconds: readonly number[]) => seconds.map((time) => megabytes / time);

/** Seconds of each step's partial up (until it is acknowledged) and of the weights down (from then on). */
async function measure(endpoints: readonly SliceEndpoint[]): Promise<{ up: number[]; down: number[] }> {
  let isOver = false;
  const onBroken = (error: Error) => {
    if (!isOver) console.error(error.message);
  };
  const common = { host: "127.0.0.1", ...run, slices: endpoints, onBroken, onBytes: () => undefined };
  const partials = new PartialSender({ ...common, worker: "w", wire });
  const weights = new WeightsReceiver(common);
  const vector = new Float32Array(parameters).fill(1e-3);
  roundToBfloat16(vector);
  await partials.sendInitial(vector);
  (await weights.at(0)).release();
  const [up, down]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step += 1) {
    const startMs = performance.now();
    await partials.send({ step, attempt: 0 }, { begin: 0, end: 1 }, vector);
    const sentMs = performance.now();
    (await weights.at(step + 1)).release();
    up.push((sentMs - startMs) / 1000);
    down.push((performance.now() - sentMs) / 1000);
  }
  isOver = true;
  partials.close();
  weights.close();
  return { up: up.slice(1), down: down.slice(1) };
}

async function measureAt(delayMs: number) {
  const slices = await start<SliceEndpoint[]>("slice-process", [String(parameters), String(reducers), wire]);
  const proxied = await Promise.all(
    slices.map(async (slice) => ({ ...slice, port: await throughProxy(slice.port, delayMs) })),
  );
  const { up, down } = await whileAllLive(measure(proxied));
  const bytes = String(megabytes * 1e6);
  const sink = await start<number>("plain-tcp", ["sink", "1", bytes]);
  const port = await throughProxy(sink, delayMs);
  const words = ["send", "1", bytes, String(port), String(steps)];
  const thereAndBack = await whileAllLive(start<number[]>("plain-tcp", words));
  endChildren();
  return { up, down, both: thereAndBack.slice(1).map((seconds) => seconds / 2) };
}

function endChildren(): void {
  for (const child of children.splice(0)) child.kill("SIGKILL");
}

const head = [
  "ms each way",
  "MB/s up, median (min-max)",
  "MB/s down (with Adam)",
  "plain TCP there and back",
];
const columns = [11, 28, 24, 27];
console.log(`${machine()}, ${wire}, ${megabytes} MB each way, ${reducers} stream(s)`);
console.log(row(head, columns));
try {
  for (const delayMs of delays) {
    const { up, down, both } = await measureAt(delayMs);
    const cells = [up, down, both].map((seconds) => spread(megabytesPerSecond(seconds), 0));
    console.log(row([String(delayMs), ...cells], columns));
  }
} finally {
  endChildren();
}
process.exit(0);
