/**
 * SGD's arithmetic in WebAssembly SIMD (AssemblyScript; `npm run build:kernels` compiles it into the kernels' module).
 * Every operation is IEEE single precision, rounded once, never fused or reordered: the bits are those of the plain
 * TypeScript that specifies them (../sgd-kernels.ts), except for a NaN's payload. Pointers are bytes and multiples of 16;
 * counts are elements. Nothing is allocated here. Each function writes the largest magnitudes of the vectors that it
 * changed, in their order, to `largest`: float32 [1] without a velocity, else [2].
 */
import { largerMagnitudes, largestLane, magnitudeBits } from "../../../../shared/kernels/assembly/magnitudes";

/** Keras' SGD without momentum in place: float32 [count] each. weights -= learningRate * root / divisor. */
export function sgd(
  weights: usize,
  root: usize,
  count: usize,
  divisor: f32,
  learningRate: f32,
  largest: usize,
): void {
  const end = weights + (count << 2);
  const wide = weights + ((count >> 2) << 4);
  const divisors = f32x4.splat(divisor);
  const rates = f32x4.splat(learningRate);
  let topWeights = i32x4.splat(0);
  while (weights < wide) {
    const change = f32x4.mul(f32x4.div(v128.load(root), divisors), rates);
    const updated = f32x4.sub(v128.load(weights), change);
    v128.store(weights, updated);
    topWeights = largerMagnitudes(topWeights, updated);
    weights += 16;
    root += 16;
  }
  let lastWeights = largestLane(topWeights);
  while (weights < end) {
    const change = (load<f32>(root) / divisor) * learningRate;
    const updated = load<f32>(weights) - change;
    store<f32>(weights, updated);
    lastWeights = max(lastWeights, magnitudeBits(updated));
    weights += 4;
    root += 4;
  }
  store<u32>(largest, lastWeights, 0);
}

/** Keras' SGD with momentum in place: float32 [count] each. */
export function sgdMomentum(
  weights: usize,
  velocity: usize,
  root: usize,
  count: usize,
  divisor: f32,
  learningRate: f32,
  momentum: f32,
  largest: usize,
): void {
  const end = weights + (count << 2);
  const wide = weights + ((count >> 2) << 4);
  const divisors = f32x4.splat(divisor);
  const rates = f32x4.splat(learningRate);
  const momentums = f32x4.splat(momentum);
  let topWeights = i32x4.splat(0);
  let topVelocity = i32x4.splat(0);
  while (weights < wide) {
    const change = f32x4.mul(f32x4.div(v128.load(root), divisors), rates);
    const next = f32x4.sub(f32x4.mul(v128.load(velocity), momentums), change);
    v128.store(velocity, next);
    const updated = f32x4.add(v128.load(weights), next);
    v128.store(weights, updated);
    topVelocity = largerMagnitudes(topVelocity, next);
    topWeights = largerMagnitudes(topWeights, updated);
    weights += 16;
    velocity += 16;
    root += 16;
  }
  let lastWeights = largestLane(topWeights);
  let lastVelocity = largestLane(topVelocity);
  while (weights < end) {
    const change = (load<f32>(root) / divisor) * learningRate;
    const next = load<f32>(velocity) * momentum - change;
    store<f32>(velocity, next);
    const updated = load<f32>(weights) + next;
    store<f32>(weights, updated);
    lastVelocity = max(lastVelocity, magnitudeBits(next));
    lastWeights = max(lastWeights, magnitudeBits(updated));
    weights += 4;
    velocity += 4;
    root += 4;
  }
  store<u32>(largest, lastWeights, 0);
  store<u32>(largest, lastVelocity, 4);
}

/** Keras' SGD with Nesterov's momentum in place: float32 [count] each. */
export function sgdNesterov(
  weights: usize,
  velocity: usize,
  root: usize,
  count: usize,
  divisor: f32,
  learningRate: f32,
  momentum: f32,
  largest: usize,
): void {
  const end = weights + (count << 2);
  const wide = weights + ((count >> 2) << 4);
  const divisors = f32x4.splat(divisor);
  const rates = f32x4.splat(learningRate);
  const momentums = f32x4.splat(momentum);
  let topWeights = i32x4.splat(0);
  let topVelocity = i32x4.splat(0);
  while (weights < wide) {
    const change = f32x4.mul(f32x4.div(v128.load(root), divisors), rates);
    const next = f32x4.sub(f32x4.mul(v128.load(velocity), momentums), change);
    v128.store(velocity, next);
    const ahead = f32x4.sub(f32x4.mul(next, momentums), change);
    const updated = f32x4.add(v128.load(weights), ahead);
    v128.store(weights, updated);
    topVelocity = largerMagnitudes(topVelocity, next);
    topWeights = largerMagnitudes(topWeights, updated);
    weights += 16;
    velocity += 16;
    root += 16;
  }
  let lastWeights = largestLane(topWeights);
  let lastVelocity = largestLane(topVelocity);
  while (weights < end) {
    const change = (load<f32>(root) / divisor) * learningRate;
    const next = load<f32>(velocity) * momentum - change;
    store<f32>(velocity, next);
    const ahead = next * momentum - change;
    const updated = load<f32>(weights) + ahead;
    store<f32>(weights, updated);
    lastVelocity = max(lastVelocity, magnitudeBits(next));
    lastWeights = max(lastWeights, magnitudeBits(updated));
    weights += 4;
    velocity += 4;
    root += 4;
  }
  store<u32>(largest, lastWeights, 0);
  store<u32>(largest, lastVelocity, 4);
}
