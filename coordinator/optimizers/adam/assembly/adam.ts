/**
 * Adam's arithmetic in WebAssembly SIMD (AssemblyScript; `npm run build:kernels` compiles it into the kernels' module).
 * Every operation is IEEE single precision, rounded once, never fused or reordered: the bits are those of the plain
 * TypeScript that specifies them (../adam-kernel.ts), except for a NaN's payload. Pointers are bytes and multiples of 16;
 * counts are elements. Nothing is allocated here.
 */
import { largerMagnitudes, largestLane, magnitudeBits } from "../../../../shared/kernels/assembly/magnitudes";

/**
 * Keras' Adam in place: float32 [count] each. g = root / divisor; m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2);
 * w -= m alpha / (sqrt(v) + epsilon). `largest`: float32 [3] gets the largest magnitudes of the new weights, m and v.
 */
export function adam(
  weights: usize,
  m: usize,
  v: usize,
  root: usize,
  count: usize,
  divisor: f32,
  alpha: f32,
  epsilon: f32,
  oneMinusBeta1: f32,
  oneMinusBeta2: f32,
  largest: usize,
): void {
  const end = weights + (count << 2);
  const wide = weights + ((count >> 2) << 4);
  const divisors = f32x4.splat(divisor);
  const alphas = f32x4.splat(alpha);
  const epsilons = f32x4.splat(epsilon);
  const rates1 = f32x4.splat(oneMinusBeta1);
  const rates2 = f32x4.splat(oneMinusBeta2);
  let topWeights = i32x4.splat(0);
  let topM = i32x4.splat(0);
  let topV = i32x4.splat(0);
  while (weights < wide) {
    const g = f32x4.div(v128.load(root), divisors);
    const m0 = v128.load(m);
    const m1 = f32x4.add(m0, f32x4.mul(f32x4.sub(g, m0), rates1));
    const v0 = v128.load(v);
    const v1 = f32x4.add(v0, f32x4.mul(f32x4.sub(f32x4.mul(g, g), v0), rates2));
    v128.store(m, m1);
    v128.store(v, v1);
    const update = f32x4.div(f32x4.mul(m1, alphas), f32x4.add(f32x4.sqrt(v1), epsilons));
    const w1 = f32x4.sub(v128.load(weights), update);
    v128.store(weights, w1);
    topM = largerMagnitudes(topM, m1);
    topV = largerMagnitudes(topV, v1);
    topWeights = largerMagnitudes(topWeights, w1);
    weights += 16;
    m += 16;
    v += 16;
    root += 16;
  }
  let lastWeights = largestLane(topWeights);
  let lastM = largestLane(topM);
  let lastV = largestLane(topV);
  while (weights < end) {
    const g = load<f32>(root) / divisor;
    const m1 = load<f32>(m) + (g - load<f32>(m)) * oneMinusBeta1;
    const v1 = load<f32>(v) + (g * g - load<f32>(v)) * oneMinusBeta2;
    store<f32>(m, m1);
    store<f32>(v, v1);
    const update = (m1 * alpha) / (sqrt<f32>(v1) + epsilon);
    const w1 = load<f32>(weights) - update;
    store<f32>(weights, w1);
    lastM = max(lastM, magnitudeBits(m1));
    lastV = max(lastV, magnitudeBits(v1));
    lastWeights = max(lastWeights, magnitudeBits(w1));
    weights += 4;
    m += 4;
    v += 4;
    root += 4;
  }
  store<u32>(largest, lastWeights, 0);
  store<u32>(largest, lastM, 4);
  store<u32>(largest, lastV, 8);
}
