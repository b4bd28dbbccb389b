/**
 * The reducers' arithmetic per million parameters, in WebAssembly SIMD and in plain TypeScript, beside what memcpy would
 * need for the bytes that it must move: a copy reads one vector and writes one, add reads two and writes one, Adam reads
 * four and writes three, SGD with momentum reads three and writes two. Rounds are interleaved: in each, everything once.
 *   npm run bench -- kernels [--quick] [--rounds 15] [--parameters 1,25]
 */
import { applyOptimizerStep } from "../../coordinator/optimizers/registry.js";
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { Kernels } from "../../shared/kernels/kernels.js";
import { plainKernels } from "../../shared/kernels/plain.js";
import { SimdVectors } from "../../shared/kernels/simd.js";
import { RandomStream } from "../../shared/random.js";
import { adamSpec, firstStep, sgdSpec } from "../support/optimizers.js";
import { machine, median, row, spread } from "./frame/figures.js";
import { isQuick, numberFlag, numbersFlag } from "./frame/flags.js";

const rounds = numberFlag("rounds", isQuick ? 5 : 15);
/** Rounds before, for compilers and pages. */
const warmUp = 3;
const sizes = numbersFlag("parameters", isQuick ? [1] : [1, 25]).map((millions) => millions * 1e6);

const adam = firstStep(adamSpec, 32);
const momentum = firstStep({ ...sgdSpec, momentum: 0.9 }, 32);

type Vectors = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** One row: a kernel, and how many vectors it reads and writes. */
interface Operation {
  readonly name: string;
  readonly vectors: number;
  run(kernels: Kernels, vectors: Vectors): void;
}

const operations: readonly Operation[] = [
  { name: "add", vectors: 3, run: (kernels, [a, b]) => kernels.add(a, b) },
  {
    name: "Adam",
    vectors: 7,
    run: (kernels, [weights, m, v, root]) =>
      applyOptimizerStep(kernels, { weights, moments: [m, v] }, root, adam),
  },
  {
    name: "SGD with momentum",
    vectors: 5,
    run: (kernels, [weights, velocity, , root]) =>
      applyOptimizerStep(kernels, { weights, moments: [velocity] }, root, momentum),
  },
  { name: "sums of squares", vectors: 1, run: (kernels, [a]) => void kernels.blockSumsOfSquares(a) },
  { name: "add in bfloat16", vectors: 3, run: (kernels, [a, b]) => kernels.addBfloat16(a, b) },
  { name: "to bfloat16", vectors: 2, run: (kernels, [a]) => kernels.roundBfloat16(a) },
];

/** Gradients' sizes; the third vector, Adam's v, is positive. */
function fill(vectors: Vectors): void {
  const random = new RandomStream(1, 1);
  const values = Float32Array.from({ length: 4_096 }, () => random.nextBetween(-0.01, 0.01));
  for (const [index, vector] of vectors.entries()) {
    for (let i = 0; i < vector.length; i += 1) {
      const value = values[(i + index) % values.length] as number;
      vector[i] = index === 2 ? Math.abs(value) : value;
    }
  }
}

function milliseconds(act: () => void): number {
  const startMs = performance.now();
  act();
  return performance.now() - startMs;
}

const widths = [18, 23, 23, 23, 23, 23];

function measure(count: number): void {
  const simd = new SimdVectors(count);
  const own = () => simd.allocate();
  const ours: Vectors = [own(), own(), own(), own()];
  const other = () => new Float32Array(count);
  const plain: Vectors = [other(), other(), other(), other()];
  const [source, target] = [Buffer.alloc(count * 4, 1), Buffer.alloc(count * 4)];
  const acts: readonly (readonly [string, () => void])[] = [
    ["memcpy", () => void source.copy(target)],
    ["CRC-32C", () => void crc32c(bytesOf(ours[0]))],
    ...operations.flatMap(({ name, run }) => [
      [`${name}, SIMD`, () => run(simd.kernels, ours)] as const,
      [`${name}, plain`, () => run(plainKernels, plain)] as const,
    ]),
  ];
  const times = new Map<string, number[]>(acts.map(([name]) => [name, []]));
  fill(ours);
  fill(plain);
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const [name, act] of acts) {
      const perMillion = milliseconds(act) / (count / 1e6);
      if (round >= 0) times.get(name)?.push(perMillion);
    }
  }
  print(count, (name) => times.get(name) ?? []);
}

function print(count: number, timesOf: (name: string) => number[]): void {
  const copy = timesOf("memcpy");
  const bound = (vectors: number) => (median(copy) * vectors) / 2;
  console.log(
    `\n${count / 1e6} M parameters: ms per million, median (least-most); memcpy ${spread(copy, 2)}, which is ${(8 / median(copy)).toFixed(1)} GB/s read and written`,
  );
  console.log(
    row(["", "WebAssembly SIMD", "memcpy-bound", "of the bound", "plain TypeScript", "faster"], widths),
  );
  for (const { name, vectors } of operations) {
    const [fast, plain] = [timesOf(`${name}, SIMD`), timesOf(`${name}, plain`)];
    const ratio = median(fast) / bound(vectors);
    const cells = [spread(fast, 2), bound(vectors).toFixed(2), `${ratio.toFixed(2)} x`, spread(plain, 2)];
    console.log(row([name, ...cells, `${(median(plain) / median(fast)).toFixed(1)} x`], widths));
  }
  const crc = timesOf("CRC-32C");
  const ratio = `${(median(crc) / bound(1)).toFixed(2)} x`;
  console.log(row(["CRC-32C", spread(crc, 2), bound(1).toFixed(2), ratio], widths));
}

console.log(`${machine()}, ${rounds} interleaved rounds`);
for (const count of sizes) measure(count);
