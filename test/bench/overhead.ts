/**
 * What the cluster costs: one worker through the coordinator, beside the same engine calls, sum and Adam in one process,
 * with the same threads and pictures. In one process nothing is loaded, sent, checked or recorded; the cluster's steps are
 * timed from assignment to commit. Beside it the same bytes up and down through plain TCP sockets of Node.
 *   npm run bench -- overhead [--rounds 3] [--threads N] [--batch 32,128] [--reducers 1] [--wire float32] [--quick]
 */
import type { ChildProcess } from "node:child_process";
import { cpus } from "node:os";
import { bytesPerElement, type Wire } from "../../shared/grpc/wire.js";
import { importPhotographs, scratch } from "../support/program.js";
import { plainTcp } from "./emulated/cell.js";
import { answerOf, startChild } from "./frame/children.js";
import { machine, median, range, row } from "./frame/figures.js";
import { flag, isQuick, numberFlag, numbersFlag } from "./frame/flags.js";
import { type ClusterSteps, runCluster } from "./overhead/cluster.js";

const rounds = numberFlag("rounds", isQuick ? 1 : 3);
const threads = numberFlag("threads", cpus().length);
const batchSizes = numbersFlag("batch", isQuick ? [32] : [32, 128]);
const flags = ["reducers", "wire"].flatMap((name) => {
  const value = flag(name, "");
  return value === "" ? [] : [`--${name}`, value];
});
/** Samples of every engine call, so that the calls of both batch sizes are the same. */
const microBatch = 32;
/** Besides the first one, which reads and decodes. */
const measuredEpochs = (batchSize: number) => (batchSize > 64 ? 4 : 2);

interface Outcome {
  readonly oneProcess: { readonly stepMs: readonly number[]; readonly cpuMs: number };
  readonly cluster: ClusterSteps;
  readonly tcpMs: number;
}

async function oneRound(round: number, batchSize: number, cwd: string): Promise<Outcome> {
  const store = `file:${cwd}/.trainyard`;
  const run = `batch-${batchSize}-${round}`;
  const epochs = 1 + measuredEpochs(batchSize);
  const task = { run, batchSize, lanes: batchSize / microBatch, threads, epochs, flags };
  const cluster = await runCluster(task, { cwd, store });
  const steps = Math.ceil(cluster.stepMs.length / 2);
  const alone = await startAlone(store, run);
  try {
    const oneProcess = await ask(alone.child, steps);
    const bytes = alone.parameterCount * bytesPerElement(flag("wire", "float32") as Wire);
    const tcpMs = 1000 * median((await plainTcp(1, bytes, 20)).slice(5));
    return { oneProcess, cluster, tcpMs };
  } finally {
    alone.child.kill("SIGKILL");
  }
}

async function startAlone(store: string, run: string) {
  const child = startChild(new URL("./overhead/in-process.js", import.meta.url), [store, run, "10"]);
  const { parameterCount } = await answerOf<{ parameterCount: number }>(child);
  return { child, parameterCount };
}

function ask(child: ChildProcess, steps: number): Promise<Outcome["oneProcess"]> {
  const answer = answerOf<Outcome["oneProcess"]>(child);
  child.send(steps);
  return answer;
}

const ms = (value: number) => value.toFixed(1);

/** Medians of rounds; the efficiency is of each round, so that what slows a whole round down cancels out. */
function overheadRow(batchSize: number, outcomes: readonly Outcome[]): string[] {
  const alone = outcomes.map(({ oneProcess }) => median(oneProcess.stepMs));
  const cluster = outcomes.map((outcome) => median(outcome.cluster.stepMs));
  const fastest = (each: (outcome: Outcome) => readonly number[]) => Math.min(...outcomes.flatMap(each));
  const best = fastest(({ oneProcess }) => oneProcess.stepMs) / fastest((outcome) => outcome.cluster.stepMs);
  return [
    String(batchSize),
    `${ms(median(alone))}`,
    range(alone, 1),
    `${ms(median(cluster))}`,
    range(cluster, 1),
    ms(median(outcomes.map(({ tcpMs }) => tcpMs))),
    median(alone.map((time, at) => time / (cluster[at] ?? Number.NaN))).toFixed(2),
    best.toFixed(2),
  ];
}

function phaseRows(all: ReadonlyMap<number, readonly Outcome[]>): string[][] {
  const of = (each: (outcome: Outcome) => number | undefined) =>
    [...all.values()].map((outcomes) => ms(median(outcomes.map((outcome) => each(outcome) ?? Number.NaN))));
  const names = [...all.values()].flatMap((outcomes) => [...(outcomes[0]?.cluster.phases.keys() ?? [])]);
  return [
    ...[...new Set(names)].map((name) => [name, ...of(({ cluster }) => cluster.phases.get(name))]),
    ["CPU of the worker", ...of(({ cluster }) => cluster.workerCpuMs)],
    ["CPU of the coordinator", ...of(({ cluster }) => cluster.coordinatorCpuMs)],
    ["CPU of one process", ...of(({ oneProcess }) => oneProcess.cpuMs)],
  ];
}

const place = scratch();
const outcomes = new Map<number, Outcome[]>(batchSizes.map((size) => [size, []]));
try {
  await importPhotographs("signs", { cwd: place.folder });
  for (let round = 1; round <= rounds; round += 1) {
    for (const batchSize of batchSizes) {
      outcomes.get(batchSize)?.push(await oneRound(round, batchSize, place.folder));
      console.error(`round ${round}: batch ${batchSize} is done`);
    }
  }
} finally {
  place.remove();
}
console.log(`${machine()}, TensorFlow 2.21`);
console.log(
  `classic net 64x64x3, engine calls of ${microBatch} with ${threads} threads, ${rounds} rounds${flags.map((word) => ` ${word}`).join("")}\n`,
);
const widths = [8, 16, 14, 13, 14, 9, 12, 12];
const head = [
  "batch",
  "one process ms",
  "min-max",
  "cluster ms",
  "min-max",
  "TCP ms",
  "efficiency",
  "of minima",
];
console.log(row(head, widths));
for (const [size, each] of outcomes) console.log(row(overheadRow(size, each), widths));
const columns = [28, ...batchSizes.map(() => 12)];
console.log(`\n${row(["mean ms per step, batch", ...batchSizes.map(String)], columns)}`);
for (const cells of phaseRows(outcomes)) console.log(row(cells, columns));
