/**
 * Milliseconds of one training step (uint8 images in; forward, backward; gradients out) of the engine's recorded graph
 * beside eager tfjs-node, Keras under tf.function and PyTorch channels last: the same nets, batch 32, the same
 * threads, one system after the other in each round. Keras runs the .h5 that we export. Others compute in float32, whatever
 * `--compute` says.
 *   npm run bench -- engine [--peers] [--threads 2] [--only classic] [--rounds 5] [--compute bfloat16] [--quick]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { EngineSpec } from "../../engine/engine.js";
import { exportFiles } from "../../engine/export/export-model.js";
import { loadTensorFlow } from "../../engine/native/load-tensorflow.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { newestDraws } from "../../shared/random.js";
import { engineSpec, freshStatistics, microBatch } from "../support/engine/spec.js";
import { scratch } from "../support/program.js";
import { peerPythons } from "../support/setup/peers.mjs";
import { type Peer, startPeer } from "./engine-peers/peer.js";
import { machine, median, range, row } from "./frame/figures.js";
import { flag, hasFlag, isQuick, numberFlag } from "./frame/flags.js";

const samples = 32;
const nets = [
  { name: "classic", side: 64, goals: "at most 0.8 of Keras, 1.0 of PyTorch" },
  { name: "mobilenet-v2", side: 96, goals: "at most 1.0 of Keras" },
  { name: "resnet-18", side: 96, goals: "at most 1.0 of Keras" },
] as const;
type Net = (typeof nets)[number];

const isWithPeers = hasFlag("peers");
const threads = numberFlag("threads", 2);
const rounds = numberFlag("rounds", isQuick ? 1 : 5);
const calls = isQuick ? 3 : 8;
const only = flag("only", "");
const compute = flag("compute", "float32") as EngineSpec["engine"]["compute"];
const pythons = isWithPeers ? await peerPythons() : null;
const tf = loadTensorFlow({ intraOpThreads: threads, oneDnn: true });

function ours(spec: EngineSpec): Peer {
  const engine = createEngine(tf, spec);
  const statistics = freshStatistics(engine.layout);
  const parameters = engine.initialise(1, newestDraws);
  engine.prepare({ gradients: [samples], evaluate: [] });
  const batch = microBatch(spec, samples);
  engine.setWeights(parameters, statistics);
  const call = () => {
    const startMs = performance.now();
    engine.gradients(batch);
    return performance.now() - startMs;
  };
  for (let warm = 0; warm < 3; warm += 1) call();
  return {
    name: compute === "float32" ? "recorded graph (ours)" : "ours, bfloat16",
    time: async (count) => Array.from({ length: count }, call),
    close: () => engine.dispose(),
  };
}

/** The exported model in a folder, as Keras and tfjs open it. */
async function exported(spec: EngineSpec, folder: string): Promise<void> {
  const engine = createEngine(tf, spec);
  const { layout } = engine;
  const files = await exportFiles({
    spec,
    layout,
    parameters: engine.initialise(1, newestDraws),
    statistics: freshStatistics(layout),
  });
  engine.dispose();
  for (const { path, bytes } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

async function systemsOf({ name, side }: Net, folder: string): Promise<Peer[]> {
  const model = { name, dropout: name === "classic" ? 0.5 : 0.2 } as const;
  const spec = engineSpec({ height: side, model, compute });
  const sizes = [side, samples, threads].map(String);
  const scripts = resolve("test/bench/engine-peers");
  await exported(spec, folder);
  const eager = fileURLToPath(new URL("engine-peers/eager-engine.js", import.meta.url));
  const json = join(folder, "export/tfjs/model.json");
  const systems = [ours(spec)];
  if (pythons !== null) {
    const h5 = join(folder, "export/keras/model.h5");
    systems.push(
      await startPeer("Keras tf.function", pythons.keras, [`${scripts}/keras_engine.py`, h5, ...sizes]),
      await startPeer("PyTorch channels_last", pythons.torch, [`${scripts}/torch_engine.py`, name, ...sizes]),
    );
  }
  systems.push(await startPeer("tfjs-node, eager", process.execPath, [eager, json, ...sizes]));
  return systems;
}

/** The first of a round's steps finds the caches filled by another system: it does not count. */
async function measure(systems: readonly Peer[]): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(systems.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const system of systems) {
      const [, ...counted] = await system.time(calls + 1);
      times.get(system.name)?.push(...counted);
    }
  }
  return times;
}

const widths = [24, 16, 10, 16];

function print(net: Net, times: ReadonlyMap<string, readonly number[]>): void {
  console.log(`\n${net.name}, ${net.side}x${net.side}x3, batch ${samples} (goal: ${net.goals})`);
  console.log(row(["", "min-max ms", "median", "ours / theirs"], widths));
  const own = median([...times.values()][0] ?? []);
  for (const [index, [name, values]] of [...times].entries()) {
    const ratio = index === 0 ? "" : (own / median(values)).toFixed(2);
    console.log(row([name, range(values, 0), median(values).toFixed(0), ratio], widths));
  }
}

console.log(
  `${machine()}, TensorFlow 2.21, ${threads} ${threads === 1 ? "thread" : "threads"} within an operation, ${rounds} interleaved rounds of ${calls} steps`,
);
for (const net of nets.filter(({ name }) => only === "" || name === only)) {
  const place = scratch();
  let systems: Peer[] = [];
  try {
    systems = await systemsOf(net, place.folder);
    print(net, await measure(systems));
  } finally {
    for (const system of systems) system.close();
    place.remove();
  }
}
process.exit(0);
