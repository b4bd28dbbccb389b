/** Numbers that must not be passed for one another, and the checked way from the wire to them. */
import { TrainyardError } from "./errors.js";

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** One optimizer update; also the weights version that the update starts from. 0-based. */
export type Step = Branded<"step">;
/** One pass over the training split. 0-based. */
export type Epoch = Branded<"epoch">;
/** One of the K fixed parts of every global batch. 0-based. */
export type Lane = Branded<"lane">;
/** Number of the coordinator's life. The first is 1. */
export type Generation = Branded<"generation">;
/** Position of a sample within its split, in manifest order. 0-based. */
export type SampleIndex = Branded<"sample">;

function checked<T>(name: string) {
  return (value: number): T => {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new TrainyardError("USAGE", `${name} must be a whole number from 0 to 2^53-1, not ${value}`);
    }
    return value as T;
  };
}

/** Checks that a number is a step. Errors: USAGE. */
export const asStep = checked<Step>("step");
/** Checks that a number is an epoch. Errors: USAGE. */
export const asEpoch = checked<Epoch>("epoch");
/** Checks that a number is a lane. Errors: USAGE. */
export const asLane = checked<Lane>("lane");
/** Checks that a number is a generation. Errors: USAGE. */
export const asGeneration = checked<Generation>("generation");
/** Checks that a number is a sample's position. Errors: USAGE. */
export const asSampleIndex = checked<SampleIndex>("sample");
