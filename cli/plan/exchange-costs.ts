/**
 * What exchanging costs here, from rounds with one worker, with two, and with next to no parameters. One worker: receive
 * + report up, apply + send down. Two: receive and send twice, and an addition. So the differences are the pieces.
 */
import { bytesPerElement, type Wire } from "../../shared/grpc/wire.js";
import { SimdVectors } from "../../shared/kernels/simd.js";
import { arithmeticOf, type TreeArithmetic, TreeSum } from "../../shared/tree-sum.js";
import { type ExchangeOptions, exchangeRounds, type HalfRound, type Round } from "./exchange-rounds.js";
import type { Costs } from "./scenario.js";
import { type Spread, type Statistic, spreadOf } from "./spread.js";

export interface ExchangeCosts
  extends Pick<
    Costs,
    | "workerSendSeconds"
    | "workerReceiveSeconds"
    | "reducerReceiveSeconds"
    | "reducerSendSeconds"
    | "addSeconds"
    | "workerAddSeconds"
    | "reportSeconds"
    | "applySeconds"
    | "hopSeconds"
  > {
  /** One worker alone, over loopback. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
}

/** Messages between threads in a half round: the order, the transfer's last, the answer. */
const hopsPerHalf = 3;
const roundsMs = 1_000;
const fewestRounds = 5;
const tinyParameters = 4_096;
/** Hardly anything is faster: a difference below this is noise. */
const leastSeconds = 1e-12;

/** What was measured, for either statistic. */
export interface MeasuredExchange {
  /** Seconds of a whole exchange with one worker. */
  readonly round: Spread;
  readonly costs: (statistic: Statistic) => ExchangeCosts;
}

/** Errors: FAILED when the tensor plane does not work here, INTERRUPTED by the signal. */
export async function measureExchange(
  what: Pick<ExchangeOptions, "parameters" | "reducers" | "wire">,
  signal: AbortSignal,
): Promise<MeasuredExchange> {
  const { parameters, wire } = what;
  const measure = (options: Partial<ExchangeOptions> & Pick<ExchangeOptions, "workers">) =>
    exchangeRounds({ ...what, forMs: roundsMs, fewest: fewestRounds, ...options }, signal);
  const tiny = await measure({ parameters: tinyParameters, workers: 1, forMs: roundsMs / 5 });
  const one = await measure({ workers: 1 });
  const two = await measure({ workers: 2 });
  const bytes = parameters * bytesPerElement(wire);
  const reducer = measureReducerAdding(parameters, wire);
  const worker = measureWorkerAdding(parameters, wire);
  return {
    round: spreadOf(one.map(({ up, down }) => up.wall + down.wall)),
    costs: (statistic) => ({
      ...costsOf({ tiny, one, two, bytes, parameters, addSeconds: reducer[statistic] }, statistic),
      workerAddSeconds: worker[statistic],
    }),
  };
}

interface Rounds {
  readonly tiny: readonly Round[];
  readonly one: readonly Round[];
  readonly two: readonly Round[];
  readonly bytes: number;
  readonly parameters: number;
  /** Per parameter. */
  readonly addSeconds: number;
}

export function costsOf(
  { tiny, one, two, bytes, parameters, addSeconds }: Rounds,
  statistic: Statistic,
): Omit<ExchangeCosts, "workerAddSeconds"> {
  const of = (rounds: readonly Round[], half: "up" | "down", what: keyof HalfRound) =>
    spreadOf(rounds.map((round) => round[half][what]))[statistic];
  const hopSeconds = (of(tiny, "up", "wall") + of(tiny, "down", "wall")) / (2 * hopsPerHalf);
  const upOne = of(one, "up", "reducersBusy");
  const downOne = of(one, "down", "reducersBusy");
  const atLeast = (seconds: number) => Math.max(seconds, leastSeconds);
  const more = of(two, "up", "reducersBusy") - upOne - addSeconds * parameters;
  const receive = Math.min(upOne, atLeast(more));
  const send = Math.min(downOne, atLeast(of(two, "down", "reducersBusy") - downOne));
  const [report, apply] = [atLeast(upOne - receive), atLeast(downOne - send)];
  const rate = (half: "up" | "down", transfer: number, rest: number) =>
    bytes / Math.max(of(one, half, "wall") - hopsPerHalf * hopSeconds - rest, transfer);
  return {
    upBytesPerSecond: rate("up", receive, report),
    downBytesPerSecond: rate("down", send, apply),
    workerSendSeconds: of(one, "up", "workerBusy") / bytes,
    workerReceiveSeconds: of(one, "down", "workerBusy") / bytes,
    reducerReceiveSeconds: receive / bytes,
    reducerSendSeconds: send / bytes,
    addSeconds,
    reportSeconds: report / parameters,
    applySeconds: apply / parameters,
    hopSeconds,
  };
}

/** Seconds per parameter of adding two lanes along the tree, as a worker does. */
const measureWorkerAdding = (parameters: number, wire: Wire) =>
  measureAdding(() => new Float32Array(parameters), arithmeticOf(wire));

/** The same as a reducer does. */
function measureReducerAdding(parameters: number, wire: Wire): Spread {
  const vectors = new SimdVectors(parameters);
  const release = (vector: Float32Array) => vectors.release(vector);
  return measureAdding(() => vectors.allocate(), arithmeticOf(wire, vectors.kernels, release));
}

function measureAdding(allocate: () => Float32Array, arithmetic: TreeArithmetic): Spread {
  const times = Array.from({ length: 7 }, () => {
    const sum = new TreeSum(2, new Set([0, 1]), arithmetic);
    const [left, right] = [allocate().fill(1), allocate().fill(1)];
    sum.add({ begin: 0, end: 1 }, left);
    const startedMs = performance.now();
    sum.add({ begin: 1, end: 2 }, right);
    const seconds = (performance.now() - startedMs) / 1000 / left.length;
    if (sum.root !== undefined) arithmetic.release(sum.root);
    return seconds;
  });
  return spreadOf(times);
}
