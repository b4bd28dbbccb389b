/**
 * Allocates memory that TensorFlow reads in place. TensorFlow uses an array without copying it when its address is a
 * multiple of 64 bytes (EIGEN_MAX_ALIGN_BYTES). JavaScript does not show addresses, so aligned places are found by trial.
 * Where none is found TensorFlow copies, which takes as long again as filling the array and gives the same numbers. For a
 * GPU it always copies, before the call that creates the tensor returns.
 */
import { DataType, type NativeBinding } from "../recording/tfjs-node-backend.js";

const alignmentBytes = 64;
const perAlignment = alignmentBytes / Float32Array.BYTES_PER_ELEMENT;

/** Zero-filled float32 arrays of these lengths in aligned memory. Close tensors over them before changing their values. */
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

/** The first aligned element of the memory; 0 when TensorFlow reads no place without copying. */
function alignedStart(binding: NativeBinding, memory: Float32Array): number {
  if (binding.isUsingGpuDevice()) return 0;
  for (let start = 0; start < perAlignment; start += 1) {
    if (isReadInPlace(binding, memory.subarray(start, start + 1))) return start;
  }
  return 0;
}

/** Whether TensorFlow reads this place without copying: then a tensor over it changes with it. */
function isReadInPlace(binding: NativeBinding, place: Float32Array): boolean {
  const id = binding.createTensor([1], DataType.float, place);
  place[0] = 1;
  const seen = binding.tensorDataSync(id)[0];
  binding.deleteTensor(id);
  place[0] = 0;
  return seen === 1;
}
