/**
 * What exchanging costs here, from rounds with one worker, with two, and with next to no parameters, and from the
 * arithmetic alone. A reducer's round with one worker: receive and report; apply, encode and send. With two: receive and
 * send twice, and an addition.
 */
import { bytesPerElement } from "../shared/grpc/wire.js";
import { type Arithmetic, measureArithmetic } from "./arithmetic-costs.js";
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
/** Shortest cost that is believed: a smaller difference is noise. */
const leastSeconds = 1e-6;
/** Encoding weights once is no more than sending them once. */
const leastSent = 0.5;

/** The costs of an exchange, from the medians or the minima of the measurements. */
export interface MeasuredExchange {
  /** Seconds of a whole exchange with one worker. */
  readonly round: Spread;
  readonly costs: (statistic: Statistic) => ExchangeCosts;
}

/** Measures the exchange on this machine. Errors: FAILED when the tensor plane does not work here, INTERRUPTED by the signal. */
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
  const rounds = { tiny, one, two, bytes: parameters * bytesPerElement(wire), parameters };
  const arithmetic = measureArithmetic(parameters, wire);
  return {
    round: spreadOf(one.map(({ up, down }) => up.wall + down.wall)),
    costs: (statistic) => costsOf(rounds, arithmetic, statistic),
  };
}

interface Rounds {
  readonly tiny: readonly Round[];
  readonly one: readonly Round[];
  readonly two: readonly Round[];
  /** Bytes of one whole vector on the wire. */
  readonly bytes: number;
  readonly parameters: number;
}

/** The arithmetic is known; of what is left of three uploads, and of three downloads and two encodings, these are the parts. */
export function costsOf(
  { tiny, one, two, bytes, parameters }: Rounds,
  arithmetic: Arithmetic,
  statistic: Statistic,
): ExchangeCosts {
  const of = (rounds: readonly Round[], half: "up" | "down", what: keyof HalfRound) =>
    spreadOf(rounds.map((round) => round[half][what]))[statistic];
  const hopSeconds = (of(tiny, "up", "wall") + of(tiny, "down", "wall")) / (2 * hopsPerHalf);
  const [add, report, update] = [arithmetic.add, arithmetic.report, arithmetic.apply].map(
    (spread) => spread[statistic] * parameters,
  ) as [number, number, number];
  const taken = of(one, "up", "reducersBusy") + of(two, "up", "reducersBusy") - 2 * report - add;
  const receive = atLeast(taken / 3);
  const sentOne = atLeast(of(one, "down", "reducersBusy") - update);
  const more = of(two, "down", "reducersBusy") - update - sentOne;
  const send = Math.min(sentOne, Math.max(more, sentOne * leastSent));
  const apply = update + sentOne - send;
  const rate = (half: "up" | "down", transfer: number, rest: number) =>
    bytes / Math.max(of(one, half, "wall") - hopsPerHalf * hopSeconds - rest, transfer);
  return {
    upBytesPerSecond: rate("up", receive, report),
    downBytesPerSecond: rate("down", send, apply),
    workerSendSeconds: of(one, "up", "workerBusy") / bytes,
    workerReceiveSeconds: of(one, "down", "workerBusy") / bytes,
    reducerReceiveSeconds: receive / bytes,
    reducerSendSeconds: send / bytes,
    addSeconds: arithmetic.add[statistic],
    workerAddSeconds: arithmetic.workerAdd[statistic],
    reportSeconds: arithmetic.report[statistic],
    applySeconds: apply / parameters,
    hopSeconds,
  };
}

const atLeast = (seconds: number) => Math.max(seconds, leastSeconds);
