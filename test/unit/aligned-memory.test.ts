/** Weights in memory that TensorFlow may read in place: tried on the CPU, never counted on. */
import { describe, expect, it } from "vitest";
import type { NativeBinding, TensorValues } from "../../engine/recording/tfjs-node-backend.js";
import { tensorMemory } from "../../engine/session/aligned-memory.js";

/** A TensorFlow that keeps the very array of a tensor where `isInPlace` says so, and a copy else. */
function bindingThat(isInPlace: (values: Float32Array) => boolean, isGpu = false) {
  const tensors = new Map<number, TensorValues>();
  let made = 0;
  const binding = {
    isUsingGpuDevice: () => isGpu,
    createTensor: (_shape: readonly number[], _dtype: number, values: Float32Array) => {
      made += 1;
      tensors.set(made, isInPlace(values) ? values : values.slice());
      return made;
    },
    tensorDataSync: (id: number) => (tensors.get(id) as TensorValues).slice(),
    deleteTensor: (id: number) => void tensors.delete(id),
  };
  return { binding: binding as unknown as NativeBinding, tensors, made: () => made };
}

describe("the memory of tensors", () => {
  it("begins where TensorFlow reads without copying, and so does each array in it", () => {
    const { binding, tensors } = bindingThat(({ byteOffset }) => byteOffset % 64 === 20);
    const views = tensorMemory(binding, [3, 17, 1]);
    expect(views.map(({ length }) => length)).toEqual([3, 17, 1]);
    expect(views.map(({ byteOffset }) => byteOffset % 64)).toEqual([20, 20, 20]);
    expect(tensors.size).toBe(0);
  });

  it("is whole and zero-filled where TensorFlow copies everything", () => {
    const { binding, tensors } = bindingThat(() => false);
    const views = tensorMemory(binding, [5, 40]);
    expect(views.map((view) => [view.length, view.every((value) => value === 0)])).toEqual([
      [5, true],
      [40, true],
    ]);
    expect(tensors.size).toBe(0);
  });

  it("is not tested for alignment on a GPU, whose tensors are always copies", () => {
    const { binding, made } = bindingThat(() => false, true);
    expect(tensorMemory(binding, [8]).map(({ length }) => length)).toEqual([8]);
    expect(made()).toBe(0);
  });
});
