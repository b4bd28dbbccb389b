/**
 * The kernels in WebAssembly SIMD, and the memory in which their vectors lie: a few vectors of one length, handed out
 * and taken back, that grow into a shared WebAssembly memory. It never shrinks; wasm32 ends it at 4 GiB.
 */
import { TrainyardError } from "../errors.js";
import { type Kernels, normBlock } from "./kernels.js";
import { kernelsModule, maximumPages } from "./module.js";

/** What is used of Node's WebAssembly, which the types of Node leave to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
  readonly Memory: new (options: { initial: number; maximum: number; shared: true }) => WasmMemory;
};

interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  /** Vectors handed out before stay where they are. Throws when the system has no more. */
  grow(pages: number): number;
}

/** assembly/kernels.ts. Pointers in bytes, counts in elements. */
interface Exports {
  add(left: number, right: number, count: number): void;
  addBfloat16(left: number, right: number, count: number): void;
  roundBfloat16(values: number, count: number): void;
  blockSumsOfSquares(values: number, count: number, block: number, sums: number, largest: number): void;
  largestMagnitude(values: number, count: number, largest: number): void;
  encodeBfloat16(values: number, halves: number, count: number): void;
  decodeBfloat16(halves: number, values: number, count: number): void;
}

/** An optimizer's kernel as the module exports it: vectors, count, scalars, largest magnitudes. */
type UpdateExport = (...given: number[]) => void;

const pageBytes = 65_536;
/** Every vector begins at a multiple of this: a cache line. */
const alignment = 64;
/** Through which bfloat16 goes in and out, piece by piece: small enough for the first caches. */
const windowBytes = 16 * 1024;
/** Through which the largest magnitudes come out: float32 of so many vectors. */
const largestCount = 16;
const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

let compiled: object | undefined;
function compiledModule(): object {
  compiled ??= new WebAssembly.Module(Buffer.from(kernelsModule, "base64"));
  return compiled;
}

/** The most vectors of a length that one memory can hold. */
export const capacityFor = (length: number) =>
  Math.floor((maximumPages * pageBytes - placeOf(length).firstAt) / aligned(length * 4));

/** Where what is not vectors lies, and the first of them. */
function placeOf(length: number) {
  const sums = Math.ceil(length / normBlock);
  const sumsAt = alignment + aligned(largestCount * 4);
  const windowAt = sumsAt + aligned(sums * 8);
  return { largestAt: alignment, sums, sumsAt, windowAt, firstAt: windowAt + windowBytes };
}

export class SimdVectors {
  /** Elements of each vector. */
  readonly length: number;
  /** On vectors of this memory only. */
  readonly kernels: Kernels;
  readonly #memory: WasmMemory;
  readonly #exports: Exports;
  readonly #window: Uint8Array;
  readonly #vectorBytes: number;
  readonly #firstAt: number;
  readonly #free: Float32Array[] = [];
  readonly #used = new Set<Float32Array>();

  constructor(length: number) {
    this.length = length;
    this.#vectorBytes = aligned(length * 4);
    const { largestAt, sums, sumsAt, windowAt, firstAt } = placeOf(length);
    this.#firstAt = firstAt;
    const initial = Math.ceil(this.#firstAt / pageBytes);
    this.#memory = new WebAssembly.Memory({ initial, maximum: maximumPages, shared: true });
    const { exports } = new WebAssembly.Instance(compiledModule(), { env: { memory: this.#memory } });
    this.#exports = exports as Exports;
    this.#window = new Uint8Array(this.#memory.buffer, windowAt, windowBytes);
    this.kernels = kernelsOf(
      this.#exports,
      exports as Record<string, UpdateExport>,
      (vector) => this.#at(vector),
      {
        sums: new Float64Array(this.#memory.buffer, sumsAt, sums),
        largest: new Float32Array(this.#memory.buffer, largestAt, largestCount),
      },
    );
  }

  /** Vectors handed out and not taken back. */
  get used(): number {
    return this.#used.size;
  }

  /** Vectors that there is memory for. */
  get held(): number {
    return this.#used.size + this.#free.length;
  }

  /** A vector with whatever lies in it. Errors: FAILED when there is no memory for another. */
  allocate(): Float32Array {
    const vector = this.#free.pop() ?? this.#grow();
    this.#used.add(vector);
    return vector;
  }

  /** Takes a vector back, once; its owner must not touch it any more. */
  release(vector: Float32Array): void {
    if (!this.#used.delete(vector))
      throw new Error("invariant broken: a vector was released that nobody holds");
    this.#free.push(vector);
  }

  /** Puts bfloat16 as bytes (any alignment) into a vector from element `at` on. */
  decodeBfloat16(bytes: Uint8Array, vector: Float32Array, at: number): void {
    const target = this.#at(vector) + at * 4;
    for (let done = 0; done < bytes.length; done += windowBytes) {
      const piece = bytes.subarray(done, done + windowBytes);
      this.#window.set(piece);
      this.#exports.decodeBfloat16(this.#window.byteOffset, target + done * 2, piece.length / 2);
    }
  }

  /** Fills two bytes for each element of the vector. */
  encodeBfloat16(vector: Float32Array, bytes: Uint8Array): void {
    const source = this.#at(vector);
    const length = vector.length * 2;
    for (let done = 0; done < length; done += windowBytes) {
      const count = Math.min(windowBytes, length - done) / 2;
      this.#exports.encodeBfloat16(source + done * 2, this.#window.byteOffset, count);
      bytes.set(this.#window.subarray(0, count * 2), done);
    }
  }

  /** A vector of another memory would be taken for whatever lies at its place in this one. */
  #at(vector: Float32Array): number {
    if (!this.#used.has(vector))
      throw new Error("invariant broken: arithmetic on a vector that nobody holds");
    return vector.byteOffset;
  }

  #grow(): Float32Array {
    const begin = this.#firstAt + this.held * this.#vectorBytes;
    const missing = begin + this.#vectorBytes - this.#memory.buffer.byteLength;
    try {
      if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    } catch {
      throw new TrainyardError(
        "FAILED",
        `a slice of ${this.length} parameters found no memory for more than ${this.held} vectors: give the coordinator more --reducers, or the machine more memory`,
      );
    }
    return new Float32Array(this.#memory.buffer, begin, this.length);
  }
}

/** Where the module puts what a call finds. */
interface Results {
  readonly sums: Float64Array;
  readonly largest: Float32Array;
}

function kernelsOf(
  exports: Exports,
  updates: Readonly<Record<string, UpdateExport>>,
  at: (vector: Float32Array) => number,
  { sums, largest }: Results,
): Kernels {
  const largestOfFirst = () => largest[0] as number;
  return {
    add: (left, right) => exports.add(at(left), at(right), left.length),
    addBfloat16: (left, right) => exports.addBfloat16(at(left), at(right), left.length),
    roundBfloat16: (values) => exports.roundBfloat16(at(values), values.length),
    update: ({ name, changed }, vectors, scalars) => {
      const update = updates[name];
      if (update === undefined)
        throw new Error(
          `invariant broken: the kernels' module exports no ${name}; run npm run build:kernels`,
        );
      // Passing the scalars rounds each to float32.
      update(...vectors.map(at), vectors[0]?.length ?? 0, ...scalars, largest.byteOffset);
      return [...largest.subarray(0, changed)];
    },
    blockSumsOfSquares: (values) => {
      exports.blockSumsOfSquares(at(values), values.length, normBlock, sums.byteOffset, largest.byteOffset);
      return { sums: sums.slice(0, Math.ceil(values.length / normBlock)), largest: largestOfFirst() };
    },
    largestMagnitude: (values) => {
      exports.largestMagnitude(at(values), values.length, largest.byteOffset);
      return largestOfFirst();
    },
  };
}
