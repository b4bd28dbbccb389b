/**
 * The real coordinator of an emulated run, in a process of its own whose use of the machine can be told. Its store is in
 * memory and keeps no checkpoint: what a store takes is not this bench's subject.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { runCoordinator } from "../../../coordinator/coordinator.js";
import type { Shell } from "../../../coordinator/shell.js";
import { letHeapGrow } from "../../../shared/heap.js";
import { createLogger } from "../../../shared/log.js";
import { runKey } from "../../../shared/spec.js";
import type { PutOptions, SizedStream } from "../../../shared/store/object-store.js";
import { tinySpec } from "../../support/core-driver.js";
import { putFlatDataset } from "../../support/flat-dataset.js";
import { MemoryStore } from "../../support/memory-store.js";
import { type Cell, type FromCoordinator, samplesOf, type ToCoordinator } from "./protocol.js";

const largest = 1 << 20;

/** Takes vectors without keeping them. */
class ForgetfulStore extends MemoryStore {
  override async put(key: string, body: Uint8Array | SizedStream, options?: PutOptions): Promise<void> {
    const bytes = body instanceof Uint8Array ? body.byteLength : body.bytes;
    if (bytes <= largest) return await super.put(key, body, options);
    if (!(body instanceof Uint8Array)) for await (const _ of body.chunks);
  }
}

letHeapGrow();
const cell = JSON.parse(process.argv[2] ?? "") as Cell;
const say = (message: FromCoordinator) => process.send?.(message);
const store = new ForgetfulStore();
const manifest = await putFlatDataset(store, {
  name: "flat",
  training: samplesOf(cell),
  validation: 1,
  perShard: samplesOf(cell),
});
const spec = tinySpec({
  run: "emulated",
  dataset: { name: "flat", hash: manifest.hash },
  image: { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" },
  epochs: 1_000,
  batchSize: cell.workers,
  lanes: cell.workers,
  seed: 0,
  checkpoint: { keep: 1, everySteps: null, everySeconds: null },
  wire: cell.wire,
});
await store.put(runKey("emulated", "spec.json"), Buffer.from(JSON.stringify(spec)));

let shell: Shell | undefined;
let mark = { step: 0, cpu: process.cpuUsage() };
let delays = monitorEventLoopDelay({ resolution: 5 });
const stepNow = () => shell?.status.step ?? 0;

function usage(): FromCoordinator {
  const cpu = process.cpuUsage(mark.cpu);
  const rows = [...(shell?.journal.curve.steps ?? [])];
  return {
    tag: "usage",
    steps: stepNow() - mark.step,
    stepSeconds: rows.filter(({ step }) => step >= mark.step).map(({ seconds }) => seconds),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    stallMs: delays.max / 1e6,
    peakBytes: peakBytes(),
  };
}

/** Of the whole process, as the kernel counts it. */
function peakBytes(): number {
  const line = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+) kB/);
  return Number(line?.[1]) * 1024;
}

process.on("message", (message: ToCoordinator) => {
  if (message.tag === "report") return say(usage());
  delays.disable();
  delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  mark = { step: stepNow(), cpu: process.cpuUsage() };
});
process.on("SIGTERM", () => process.exit(0));
setInterval(() => say({ tag: "step", step: stepNow() }), 20);

await runCoordinator({
  run: "emulated",
  store,
  host: "127.0.0.1",
  insecure: false,
  port: 0,
  tensorPort: 0,
  httpPort: 0,
  reducers: cell.reducers,
  lingerMs: 0,
  logger: createLogger({ role: "coordinator", level: "error" }),
  signal: new AbortController().signal,
  onReady: ({ address }) => say({ tag: "ready", address }),
  onShell: (one) => {
    shell = one;
  },
});
