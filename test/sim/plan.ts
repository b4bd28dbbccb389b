/** A seed's run: a setup out of a few (so that unbroken runs can be kept), and faults at any point of it. */

import { drawStream, type NumberStream } from "../../shared/random.js";
import { adamSpec } from "../support/optimizers.js";
import type { Fault, FaultAct } from "./faults.js";
import type { Setup } from "./setup.js";
import { simulatedDraws } from "./setup.js";

export interface Script {
  /** True when enough workers stay to audit every sum: a flipped bit then changes nothing. */
  readonly isAudited?: boolean;
  readonly setup: Setup;
  /** Of the network, the store and the machines. */
  readonly seed: number;
  readonly faults: readonly Fault[];
}

type Shape = Omit<Setup, "workers" | "stableIds" | "keep" | "everySteps" | "audit" | "reducers">;

const shape = (
  training: number,
  validation: number,
  lanes: number,
  batchSize: number,
  change: Partial<Shape> = {},
): Shape => ({
  dataset: { training, validation, shards: 3 },
  epochs: 2,
  lanes,
  batchSize,
  accumulation: 1,
  localSteps: null,
  wire: "float32",
  shuffleShards: 2,
  filling: 0,
  optimizer: adamSpec,
  earlyStopping: null,
  plateau: false,
  exportWeights: "last",
  seed: 7,
  ...change,
});

/** What decides the weights. */
export const shapes: readonly Shape[] = [
  shape(37, 70, 4, 8),
  shape(22, 0, 4, 4, { epochs: 3 }),
  shape(41, 130, 8, 16, { epochs: 3, plateau: true, exportWeights: "best" }),
  shape(30, 5, 1, 5),
  shape(29, 65, 3, 12, { accumulation: 2, shuffleShards: 1 }),
  shape(33, 64, 5, 10, { earlyStopping: 1, epochs: 4, exportWeights: "best", seed: 11 }),
  shape(26, 66, 2, 4, { filling: 4_200, seed: 3 }),
  shape(64, 200, 16, 32, { plateau: true, epochs: 3 }),
  shape(43, 20, 4, 8, { localSteps: 3, accumulation: 2 }),
  shape(50, 70, 5, 10, { wire: "bfloat16", filling: 4_200 }),
];

export function planOf(seed: number): Script {
  const random = drawStream(simulatedDraws, seed, 200);
  const pick = <T>(items: readonly T[]): T => items[random.nextBelow(items.length)] as T;
  const chosen = pick(shapes);
  const setup: Setup = {
    ...chosen,
    workers: pick([1, 2, 2, 3, 4, 6]),
    stableIds: pick([true, false]),
    keep: pick([1, 2, 3]),
    everySteps: pick([null, null, 1, 2, 5]),
    audit: pick([0, 0, 0.2, 1]),
    reducers: chosen.filling > 0 ? pick([1, 2, 3]) : 1,
  };
  const faults: Fault[] = [];
  const count = pick([0, 1, 2, 3, 4, 6, 9]);
  let atMs = random.nextBetween(0, 1_500);
  for (let i = 0; i < count; i += 1) {
    for (const act of actsOf(random)) faults.push({ ...act, atMs: Math.round(atMs) });
    atMs += random.nextBetween(0, 1) ** 2 * pick([300, 1_500, 5_000]);
  }
  // Nor can a record that is not finite and is repeated: see fault-acts.
  const isRepeated = faults.some((fault) => fault.act === "repeat messages");
  const possible = faults.filter(({ act }) => !(isRepeated && act === "poison worker"));
  const wholeFleet = seed % 20 === 3 ? largeShares(seed) : null;
  return {
    setup: wholeFleet?.setup ?? setup,
    seed,
    faults: [...possible, ...flippedBits(seed), ...unreadable(seed), ...(wholeFleet?.faults ?? [])],
  };
}

/** In every twentieth seed: one machine reads damaged data, or every machine does, beside audits and the other faults. */
function unreadable(seed: number): Fault[] {
  if (seed % 20 !== 13) return [];
  const random = drawStream(simulatedDraws, seed, 202);
  return Array.from({ length: 1 + random.nextBelow(2) }, () => ({
    act: "unreadable samples",
    worker: random.nextBelow(3) === 0 ? null : 1 + random.nextBelow(3),
    every: 5 + random.nextBelow(20),
    forMs: Math.round(random.nextBetween(300, 6_000)),
    atMs: Math.round(random.nextBetween(1_000, 4_000)),
  }));
}

/** In every twentieth seed: 128 lanes on a fleet that shrinks by nine tenths, so that one worker holds most of them. */
function largeShares(seed: number): Pick<Script, "setup" | "faults"> {
  const random = drawStream(simulatedDraws, seed, 203);
  const workers = [1, 4, 12][random.nextBelow(3)] as number;
  const setup: Setup = {
    ...(shapes[0] as Shape),
    dataset: { training: 150, validation: 70, shards: 3 },
    lanes: 128,
    batchSize: 128,
    epochs: 1,
    workers,
    stableIds: true,
    keep: 2,
    everySteps: null,
    audit: [0, 0.2][random.nextBelow(2)] as number,
    reducers: 1,
  };
  const atMs = Math.round(random.nextBetween(1_000, 3_000));
  return { setup, faults: workers > 1 ? [{ act: "shrink fleet", atMs }] : [] };
}

/** In every twentieth seed, since such a run can be compared with no other. */
function flippedBits(seed: number): Fault[] {
  if (seed % 20 !== 7) return [];
  const random = drawStream(simulatedDraws, seed, 201);
  return Array.from({ length: 1 + random.nextBelow(3) }, () => ({
    act: "flip bit",
    worker: 1 + random.nextBelow(3),
    bit: 23 + random.nextBelow(8),
    atMs: Math.round(random.nextBetween(1_000, 3_000)),
  }));
}

/** Most are short; some are longer than every deadline of the control plane. */
function timeOf(random: NumberStream): number {
  const [low, high] = (
    [
      [50, 800],
      [800, 4_000],
      [5_000, 9_000],
      [11_000, 24_000],
    ] as const
  )[random.nextBelow(8) % 4] as readonly [number, number];
  return Math.round(random.nextBetween(low, high));
}

/** Mostly one; now and then what is only dangerous together: a coordinator's death amid echoes and slow machines. */
function actsOf(random: NumberStream): FaultAct[] {
  if (random.nextBelow(12) > 0) return [actOf(random)];
  const [worker, forMs] = [1 + random.nextBelow(6), 8_000];
  if (random.nextBelow(2) === 0) return takeover(random);
  return [
    { act: "echoes", share: 1, forMs },
    { act: "slow worker", worker, factor: 20, forMs },
    { act: "kill coordinator", downMs: Math.round(random.nextBetween(50, 1_000)) },
  ];
}

/** The former coordinator wakes amid its checkpoint, while the one that took over works on, slowly, and dies in turn. */
function takeover(random: NumberStream): FaultAct[] {
  const puts = 1 + random.nextBelow(12);
  const forMs = Math.round(random.nextBetween(15_000, 21_000));
  return [
    { act: "freeze coordinator at put", puts, forMs, rival: true },
    { act: "slow worker", worker: 1, factor: 10, forMs: forMs + 4_000 },
    { act: "slow worker", worker: 2, factor: 10, forMs: forMs + 4_000 },
  ];
}

function actOf(random: NumberStream): FaultAct {
  const pick = <T>(items: readonly T[]): T => items[random.nextBelow(items.length)] as T;
  const worker = 1 + random.nextBelow(6);
  const forMs = timeOf(random);
  const downMs = Math.round(random.nextBetween(100, 4_000));
  const acts: readonly (() => FaultAct)[] = [
    () => ({ act: "kill worker", worker, downMs }),
    () => ({ act: "kill worker", worker, downMs }),
    () => ({ act: "drain worker", worker }),
    () => ({ act: "freeze worker", worker, forMs }),
    () => ({ act: "cut off worker", worker, forMs }),
    () => ({ act: "break streams", worker, method: pick(["join", "weights", "upload", null]) }),
    () => ({ act: "slow worker", worker, factor: pick([3, 10, 40]), forMs }),
    () => ({ act: "poison worker", worker }),
    () => ({ act: "new worker" }),
    () => ({ act: "remove worker", worker }),
    () => ({ act: "repeat messages", worker, method: pick(["join", "upload"]) }),
    () => ({ act: "echoes", share: pick([0.1, 0.5, 1]), forMs: forMs + 2_000 }),
    () => ({ act: "kill coordinator", downMs }),
    () => ({ act: "kill coordinator at put", puts: 1 + random.nextBelow(9), downMs }),
    () => ({ act: "kill coordinator at put", puts: 1 + random.nextBelow(9), downMs }),
    () => ({
      act: "freeze coordinator at put",
      puts: 1 + random.nextBelow(9),
      forMs,
      rival: pick([true, false]),
    }),
    () => ({ act: "stop coordinator" }),
    () => ({ act: "freeze coordinator", forMs, rival: pick([true, false]) }),
    () => ({ act: "cut off coordinator", forMs, rival: pick([true, false]) }),
    () => ({ act: "rival coordinator" }),
    () => ({ act: "store away", forMs }),
    () => ({ act: "store full", forMs }),
    () => ({ act: "store read-only", forMs }),
    () => ({ act: "slow evaluations", factor: pick([10, 100, 400]), forMs }),
    () => ({ act: "slow export", exportMs: pick([2_000, 130_000]) }),
    () => ({ act: "store slow", latencyMs: pick([100, 1_000, 4_000]), forMs }),
    () => ({ act: "store flaky", failures: pick([0.05, 0.3, 0.7]), forMs }),
    () => ({ act: "network slow", latencyMs: pick([20, 200, 1_000]), forMs }),
  ];
  return pick(acts)();
}
