/**
 * The model of `trainyard plan` against measured runs: real ones on this machine (1 and 2 workers of one thread), and
 * emulated workers on a real coordinator. Plans and runs are made in turn; a busy machine tells most in its minima. Then the
 * model's curve to a thousand workers, as docs/scaling.md has it.
 *   npm run bench -- scale [--rounds 2] [--batch 32,128] [--emulated 1,2,4,8,16] [--curve] [--quick]
 */
import { availableParallelism, loadavg } from "node:os";
import { measureExchange } from "../../plan/exchange-costs.js";
import { importPhotographs, scratch } from "../support/program.js";
import { machine, median, row } from "./frame/figures.js";
import { hasFlag, isQuick, numberFlag, numbersFlag } from "./frame/flags.js";
import { curveTable, remedyTable } from "./scale/curve.js";
import { measuredCell, plannedCell } from "./scale/emulated-runs.js";
import { measured, planned, type StepTimes } from "./scale/real-runs.js";

const isCurveOnly = hasFlag("curve");
const rounds = numberFlag("rounds", isQuick ? 1 : 2);
const batchSizes = numbersFlag("batch", isQuick ? [32] : [32, 128]);
const fleets = numbersFlag("emulated", isQuick ? [2] : [1, 2, 4, 8, 16]);
/** Of an emulated engine: long enough that the exchange is not all there is. */
const delayMs = 100;
const emulatedParameters = 1_000_000;
const never = new AbortController().signal;

interface Pair {
  readonly predicted: StepTimes;
  readonly measured: StepTimes;
}

const columns = [34, 12, 12, 9, 16, 14, 9];
const ms = (seconds: number) => (seconds * 1000).toFixed(1);
const error = (of: number, to: number) => `${(100 * (of / to - 1)).toFixed(0)} %`;

function print(name: string, pairs: readonly Pair[]): void {
  const of = (who: keyof Pair, which: keyof StepTimes) => median(pairs.map((pair) => pair[who][which]));
  const cells = (which: keyof StepTimes) => {
    const [predicted, real] = [of("predicted", which), of("measured", which)];
    return [ms(predicted), ms(real), error(predicted, real)];
  };
  console.log(row([name, ...cells("usual"), ...cells("best")], columns));
}

async function realRuns(): Promise<void> {
  const place = scratch();
  try {
    await importPhotographs("faces", { cwd: place.folder });
    for (const batchSize of batchSizes) {
      const pairs = new Map<number, Pair[]>([1, 2].map((workers) => [workers, []]));
      for (let round = 0; round < rounds; round += 1) {
        const plan = await planned(batchSize, place.folder);
        for (const [workers, list] of pairs) {
          const predicted = plan.get(workers);
          if (predicted === undefined) continue;
          list.push({ predicted, measured: await measured({ workers, batchSize }, place.folder) });
        }
      }
      for (const [workers, list] of pairs) {
        if (list.length > 0) print(`faces, batch ${batchSize}, ${workers} workers`, list);
      }
    }
  } finally {
    place.remove();
  }
}

async function emulatedRuns(): Promise<void> {
  for (const workers of fleets) {
    const pairs: Pair[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const cell = {
        workers,
        parameters: emulatedParameters,
        reducers: 1,
        wire: "float32",
        delayMs,
        copiesGradients: false,
      } as const;
      const exchange = await measureExchange(
        { parameters: emulatedParameters, reducers: 1, wire: "float32" },
        never,
      );
      pairs.push({
        predicted: plannedCell(cell, exchange, availableParallelism()),
        measured: await measuredCell(cell, isQuick ? 8 : 20),
      });
    }
    print(`emulated, ${delayMs} ms, 1 M, ${workers} workers`, pairs);
  }
}

async function threads(): Promise<void> {
  const what = { parameters: emulatedParameters, reducers: 1, wire: "float32" } as const;
  const costs = (await measureExchange(what, never)).costs("min");
  const each = Object.entries(costs)
    .filter(([name]) => name.endsWith("Seconds") && name !== "hopSeconds")
    .map(([name, seconds]) => `${name.slice(0, -7)} ${(seconds * 1e9).toFixed(2)}`);
  const hop = `a message ${ms(costs.hopSeconds)} ms`;
  console.log(`\nthreads at their best, ns per byte or parameter: ${each.join(", ")}; ${hop}\n`);
}

const [load = 0] = loadavg();
console.log(`${machine()}, load ${load.toFixed(1)}`);
if (!isCurveOnly) {
  console.log(`a step in ms, predicted and measured: medians over ${rounds} rounds, and the least of all`);
  console.log(row(["", "predicted", "measured", "error", "best predicted", "measured", "error"], columns));
  await realRuns();
  await emulatedRuns();
  await threads();
}
for (const line of [...curveTable(), "", ...remedyTable()]) console.log(line);
