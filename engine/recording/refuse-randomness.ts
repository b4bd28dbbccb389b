/**
 * Keeps frozen randomness out of graphs: a number drawn while recording would be the same in every step.
 * Layers draw from stateless ops whose seed is an input instead (layers/stateless-random.ts).
 */
import { TrainyardError } from "../../shared/errors.js";

const statefulOps: ReadonlySet<string> = new Set([
  "Multinomial",
  "ParameterizedTruncatedNormal",
  "RandomGamma",
  "RandomPoissonV2",
  "RandomShuffle",
  "RandomStandardNormal",
  "RandomUniform",
  "RandomUniformInt",
  "TruncatedNormal",
]);

/** Throws ENGINE for an op whose result depends on TensorFlow's own random state. */
export function refuseStatefulOp(op: string): void {
  if (statefulOps.has(op)) throw frozen(`op ${op}`);
}

/** tfjs draws random tensors in JavaScript, seeded by Math.random unless the caller gives a seed. */
export function refuseRandomNumbers(): () => void {
  const original = Math.random;
  Math.random = () => {
    throw frozen("Math.random (tf.randomUniform, tf.randomNormal, tf.dropout)");
  };
  return () => {
    Math.random = original;
  };
}

const frozen = (source: string) =>
  new TrainyardError(
    "ENGINE",
    `the step can't be recorded: it draws from ${source}, which would be frozen into the graph; use a stateless random op whose seed is an input`,
  );
