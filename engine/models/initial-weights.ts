/**
 * Initial parameters: Glorot uniform kernels, ones for batch norm's gamma, zeros for biases and beta. Each tensor has its
 * own random stream, seeded by the tensor's index in the layout, never by its name.
 */
import type { ModelLayout, TensorSlot } from "../../shared/layout.js";
import { type Draws, drawStream, type NumberStream, Purpose } from "../../shared/random.js";
import { isKernel } from "./parameter-layout.js";

/** Draws the initial parameters, float32 [parameterCount]. @param draws those of the run's format. */
export function initialParameters(layout: ModelLayout, seed: number, draws: Draws): Float32Array {
  const parameters = new Float32Array(layout.parameterCount);
  for (const [index, slot] of layout.parameters.entries()) {
    const values = parameters.subarray(slot.offset, slot.offset + slot.size);
    if (isKernel(slot)) fillGlorotUniform(values, slot, drawStream(draws, seed, Purpose.weights, index));
    else values.fill(slot.name.endsWith("/gamma") ? 1 : 0);
  }
  return parameters;
}

/** Uniform in [-l, l), l = sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010; Keras' GlorotUniform). */
function fillGlorotUniform(values: Float32Array, { shape }: TensorSlot, random: NumberStream): void {
  const receptiveField = shape.slice(0, -2).reduce((product, side) => product * side, 1);
  const fanIn = receptiveField * (shape.at(-2) ?? 1);
  const fanOut = receptiveField * (shape.at(-1) ?? 1);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  for (let i = 0; i < values.length; i += 1) values[i] = random.nextBetween(-limit, limit);
}
