/**
 * What a coordinator carries: emulated workers (the real worker and streams, an engine that answers after a set delay
 * with a ready-made gradient), beside the same bytes through plain TCP sockets of Node, and copied in memory. One
 * process holds all workers, another the coordinator; the sockets' two processes likewise.
 *   npm run bench -- coordinator [--quick] [--workers 1,2,4] [--parameters 1,5] [--wire bfloat16] [--reducers 1] [--delay 0]
 */
import { bytesPerElement } from "../../shared/grpc/wire.js";
import { plainTcp, runCell } from "./emulated/cell.js";
import type { Cell } from "./emulated/protocol.js";
import { machine, median, range, row } from "./frame/figures.js";
import { flag, isQuick, numberFlag, numbersFlag } from "./frame/flags.js";

const workerCounts = numbersFlag("workers", isQuick ? [1, 4] : [1, 2, 4, 8, 16, 32]);
const millions = numbersFlag("parameters", isQuick ? [1] : [1, 5, 25, 100]);
const wires = flag("wire", isQuick ? "float32" : "float32,bfloat16").split(",") as Cell["wire"][];
const reducers = numberFlag("reducers", 0);
const delayMs = numberFlag("delay", 0);
/** Beyond this a cell is not run: all vectors of the fleet's process must fit in memory. */
const mostParameters = 400e6;

function copySeconds(bytes: number): number {
  const source = Buffer.alloc(bytes, 1);
  const target = Buffer.alloc(bytes);
  const times = Array.from({ length: 5 }, () => {
    const startMs = performance.now();
    source.copy(target);
    return (performance.now() - startMs) / 1000;
  });
  return median(times);
}

const head = [
  "workers",
  "parameters",
  "wire",
  "slices",
  "ms/step",
  "min-max",
  "MB/s in",
  "tcp ms",
  "of TCP",
  "copy ms",
  "CPU s",
  "stall ms",
  "peak (most) MB",
  "efficiency",
];
const columns = [8, 12, 10, 8, 9, 17, 9, 9, 8, 9, 8, 10, 16, 12];

console.log(`${machine()}, delay ${delayMs} ms`);
console.log(row(head, columns));
for (const million of millions) {
  for (const workers of workerCounts) {
    if (workers * million * 1e6 > mostParameters) continue;
    for (const wire of wires) await printCell(workers, million * 1e6, wire);
  }
}

async function printCell(workers: number, parameters: number, wire: Cell["wire"]): Promise<void> {
  const slices = reducers > 0 ? reducers : parameters > 50e6 ? 2 : 1;
  const volume = workers * parameters;
  const steps = isQuick ? 8 : Math.max(3, Math.min(20, Math.round(2e8 / volume)));
  const cell: Cell = { workers, parameters, reducers: slices, wire, delayMs, copiesGradients: false };
  // The sockets before and after, so that a busy moment does not decide.
  const bytes = parameters * bytesPerElement(wire);
  const before = await plainTcp(workers, bytes, steps);
  const usage = await runCell(cell, { warmUp: 2, steps });
  const after = await plainTcp(workers, bytes, steps);
  const tcp = median([...before.slice(1), ...after.slice(1)]);
  const times = usage.stepSeconds.map((seconds) => seconds * 1000);
  const step = median(times);
  const most = ((7 + Math.log2(workers)) * parameters * 4) / 1e6 + 250;
  const cells = [
    String(workers),
    `${parameters / 1e6} M`,
    wire,
    String(slices),
    step.toFixed(1),
    range(times, 1),
    ((bytes * workers) / 1e3 / (step - delayMs)).toFixed(0),
    (tcp * 1000).toFixed(1),
    ((tcp * 1000) / (step - delayMs)).toFixed(2),
    (2 * workers * copySeconds(bytes) * 1000).toFixed(1),
    (usage.cpuSeconds / usage.steps).toFixed(3),
    usage.stallMs.toFixed(0),
    `${(usage.peakBytes / 1e6).toFixed(0)} (${most.toFixed(0)})`,
    delayMs > 0 ? (delayMs / step).toFixed(2) : "-",
  ];
  console.log(row(cells, columns));
}
