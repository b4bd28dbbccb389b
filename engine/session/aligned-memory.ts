/**
 * Memory of ours that TensorFlow reads in place. It takes an array as it lies where the address is a multiple of 64
 * bytes (EIGEN_MAX_ALIGN_BYTES), and copies it else, which costs as much again as filling it; JavaScript does
 * not tell addresses, so it is tried. Where no place serves, TensorFlow copies: slower, and the same numbers. To a GPU
 * it always does, before it says that the tensor is made.
 */
import { DataType, type NativeBinding } from "../recording/tfjs-node-backend.js";

const alignmentBytes = 64;
const perAlignment = alignmentBytes / Float32Array.BYTES_PER_ELEMENT;

/** Views of these lengths on one piece of memory, zero-filled. What is made of them must be closed before they change. */
export function tensorMemory(binding: NativeBinding, sizes: readonly number[]): Float32Array[] {
  const padded = sizes.map((size) => Math.ceil(size / perAlignment) * perAlignment);
  const total = padded.reduce((sum, size) => sum + size, 0);
  const memory = new Float32Array(total + perAlignment);
  let begin = alignedStart(binding, memory);
  return sizes.map((size, index) => {
    const view = memory.subarray(begin, begin + size);
    begin += padded[index] ?? 0;
    return view;
  });
}

/** In elements; 0 where TensorFlow takes none as it lies. */
function alignedStart(binding: NativeBinding, memory: Float32Array): number {
  if (binding.isUsingGpuDevice()) return 0;
  for (let start = 0; start < perAlignment; start += 1) {
    if (isReadInPlace(binding, memory.subarray(start, start + 1))) return start;
  }
  return 0;
}

/** Whether a tensor of this one number changes with it. */
function isReadInPlace(binding: NativeBinding, place: Float32Array): boolean {
  const id = binding.createTensor([1], DataType.float, place);
  place[0] = 1;
  const seen = binding.tensorDataSync(id)[0];
  binding.deleteTensor(id);
  place[0] = 0;
  return seen === 1;
}
