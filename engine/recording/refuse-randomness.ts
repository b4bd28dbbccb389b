/**
 * Refuses random numbers while a graph is recorded: a number drawn then would be a constant of the graph, the same in
 * every step. Layers use stateless random ops instead, whose seed is an input (layers/stateless-random.ts).
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

/**
 * Makes Math.random throw until the returned function is called. tfjs draws random tensors in JavaScript, seeded by
 * Math.random unless the caller gives a seed.
 */
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
