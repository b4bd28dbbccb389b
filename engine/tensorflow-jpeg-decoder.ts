/**
 * Decodes plain JPEG files with TensorFlow's own decoder (libjpeg-turbo with its exact integer transform). For images of
 * a few hundred pixels a side it is three times as fast as a general image library, with the same pixels. CPU only.
 */
import type { PlainJpeg } from "../dataset/decoding/plain-jpeg.js";
import type { PlainJpegDecoder, PlainJpegDecoderModule } from "../dataset/decoding/plain-jpeg-decoder.js";
import { nearestIndices } from "../dataset/decoding/resize.js";
import { loadBinding, type NativeOptions } from "./native/load-tensorflow.js";
import {
  boolAttribute,
  DataType,
  floatAttribute,
  intAttribute,
  type NativeBinding,
  type OpAttribute,
  stringAttribute,
  type TensorMetadata,
  typeAttribute,
} from "./recording/tfjs-node-backend.js";

type Run = (op: string, attributes: readonly OpAttribute[], inputs: readonly number[]) => TensorMetadata;

const stringType = 7;

const decodeAttributes = [
  intAttribute("channels", 3),
  intAttribute("ratio", 1),
  boolAttribute("fancy_upscaling", true),
  boolAttribute("try_recover_truncated", false),
  floatAttribute("acceptable_fraction", 1),
  stringAttribute("dct_method", "INTEGER_ACCURATE"),
];
const gatherAttributes = [
  typeAttribute("Tparams", DataType.uint8),
  typeAttribute("Tindices", DataType.int32),
  typeAttribute("Taxis", DataType.int32),
  intAttribute("batch_dims", 0),
];
const reshapeAttributes = [typeAttribute("T", DataType.uint8), typeAttribute("Tshape", DataType.int32)];
const bitcastAttributes = [typeAttribute("T", DataType.uint8), typeAttribute("type", DataType.int32)];
const concatAttributes = [
  intAttribute("N", 2),
  typeAttribute("T", DataType.uint8),
  typeAttribute("Tidx", DataType.int32),
];

/** Most lists of source indices that stay in TensorFlow's memory; each size of file needs two. */
const mostIndices = 512;

/** A decode thread imports this module and calls this. It loads TensorFlow in the calling thread. Errors: SETUP. */
export function createPlainJpegDecoder(options: NativeOptions): PlainJpegDecoder {
  const decoder = new JpegDecoder(loadBinding(options) as NativeBinding);
  return decoder.decode.bind(decoder);
}

/**
 * The option of a decode pool that lets TensorFlow decode plain JPEG files. Empty where a GPU computes: TensorFlow would
 * open the GPU in each thread and decode no faster; the general decoder gives the same pixels.
 */
export function plainJpegModule(options: NativeOptions): { plainJpegs?: PlainJpegDecoderModule } {
  return options.device?.gpu == null ? { plainJpegs: { url: import.meta.url, options } } : {};
}

/** Decodes by calling single TensorFlow ops. */
export class JpegDecoder {
  readonly #binding: NativeBinding;
  /** Tensors of source indices for a resize, by `from>to`. */
  readonly #indices = new Map<string, number>();
  readonly #constants: {
    readonly zero: number;
    readonly one: number;
    readonly flat: number;
    readonly words: number;
  };

  constructor(binding: NativeBinding) {
    this.#binding = binding;
    this.#constants = {
      zero: this.#create([], [0]),
      one: this.#create([], [1]),
      flat: this.#create([1], [-1]),
      words: this.#create([2], [-1, 4]),
    };
  }

  /**
   * Decodes a file to uint8 [height, width, 3], or to null when TensorFlow refuses the file or finds another size in it;
   * the general decoder then explains what is wrong.
   * @param from the image's size, which the caller has read from the file's header.
   * @param to the size that the image is resized to by the rule `nearest`; null keeps its size.
   */
  decode(bytes: Uint8Array, from: PlainJpeg, to: PlainJpeg | null): Uint8Array | null {
    const live: number[] = [];
    const run: Run = (op, attributes, inputs) => {
      const [made] = this.#binding.executeOp(op, attributes, inputs, 1);
      if (made === undefined) throw new Error(`invariant broken: ${op} made nothing`);
      live.push(made.id);
      return made;
    };
    try {
      const file = this.#binding.createTensor([], stringType, [bytes]);
      live.push(file);
      const { id, shape } = run("DecodeJpeg", decodeAttributes, [file]);
      if (shape[0] !== from.height || shape[1] !== from.width) return null;
      const { height, width } = to ?? from;
      const picked = to === null ? id : this.#nearest(run, id, from, to);
      return this.#read(run, picked, height * width * 3);
    } catch {
      return null;
    } finally {
      for (const id of live) this.#binding.deleteTensor(id);
    }
  }

  #nearest(run: Run, pixels: number, from: PlainJpeg, to: PlainJpeg): number {
    const { zero, one } = this.#constants;
    const rows = [pixels, this.#index(from.height, to.height), zero];
    const { id } = run("GatherV2", gatherAttributes, rows);
    return run("GatherV2", gatherAttributes, [id, this.#index(from.width, to.width), one]).id;
  }

  /** Reads uint8 values. The binding can't, so they are read as int32, four bytes each, padded to a multiple of four. */
  #read(run: Run, pixels: number, count: number): Uint8Array {
    const words = run("Reshape", reshapeAttributes, [
      this.#padded(run, pixels, count),
      this.#constants.words,
    ]);
    const values = this.#binding.tensorDataSync(run("Bitcast", bitcastAttributes, [words.id]).id);
    return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, count);
  }

  #padded(run: Run, pixels: number, count: number): number {
    const missing = (4 - (count % 4)) % 4;
    if (missing === 0) return pixels;
    const { flat, zero } = this.#constants;
    const { id } = run("Reshape", reshapeAttributes, [pixels, flat]);
    const padding = this.#binding.createTensor([missing], DataType.uint8, new Uint8Array(missing));
    try {
      return run("ConcatV2", concatAttributes, [id, padding, zero]).id;
    } finally {
      this.#binding.deleteTensor(padding);
    }
  }

  #index(from: number, to: number): number {
    const key = `${from}>${to}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    if (this.#indices.size >= mostIndices) this.#forgetIndices();
    const made = this.#create([to], nearestIndices(from, to));
    this.#indices.set(key, made);
    return made;
  }

  #forgetIndices(): void {
    for (const id of this.#indices.values()) this.#binding.deleteTensor(id);
    this.#indices.clear();
  }

  #create(shape: readonly number[], values: ArrayLike<number>): number {
    return this.#binding.createTensor(shape, DataType.int32, Int32Array.from(values));
  }
}
