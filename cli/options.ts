/**
 * Options that many commands share, and the option kinds that check themselves: numbers that are numbers, whole
 * numbers, fractions, lists that also take commas. Each error names its option. What a run is made of is in
 * run-options.ts.
 */
import type { Options } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import type { LogLevel } from "../shared/log.js";

/** What every command has. */
export interface GlobalOptions {
  store: string;
  logLevel: LogLevel;
  debug: boolean;
}

export const defaultStore = "file:.trainyard";

export const globalOptions = {
  store: {
    type: "string",
    default: defaultStore,
    requiresArg: true,
    describe: "Where data sets and runs live: file:FOLDER or s3://HOST:PORT/BUCKET[/PREFIX]",
    group: "Everywhere:",
  },
  "log-level": {
    choices: ["debug", "info", "warn", "error", "silent"] as const,
    default: "info",
    requiresArg: true,
    describe: "How much is logged to standard error",
    group: "Everywhere:",
  },
  debug: {
    type: "boolean",
    default: false,
    describe: "Show the stack of an error (also TRAINYARD_DEBUG=1)",
    group: "Everywhere:",
  },
} as const satisfies Record<string, Options>;

/** `--json`: the result on standard output as one JSON document, nothing else there. */
export const jsonOption = {
  type: "boolean",
  default: false,
  describe: "Print the result as JSON on standard output",
} as const satisfies Options;

interface NumberLimits {
  readonly min?: number;
  readonly max?: number;
  /** The limit itself is not allowed. */
  readonly above?: number;
  readonly below?: number;
  readonly whole?: boolean;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function rangeInWords(limits: NumberLimits): string {
  const low =
    limits.min !== undefined
      ? `at least ${limits.min}`
      : limits.above !== undefined
        ? `above ${limits.above}`
        : "";
  const high =
    limits.max !== undefined
      ? `at most ${limits.max}`
      : limits.below !== undefined
        ? `below ${limits.below}`
        : "";
  return [low, high].filter((part) => part !== "").join(" and ");
}

const isWithin = (value: number, limits: NumberLimits) =>
  value >= (limits.min ?? Number.NEGATIVE_INFINITY) &&
  value <= (limits.max ?? Number.POSITIVE_INFINITY) &&
  value > (limits.above ?? Number.NEGATIVE_INFINITY) &&
  value < (limits.below ?? Number.POSITIVE_INFINITY);

/** The number a user wrote for option `name`. Errors: USAGE with option, value and what is allowed. */
export function parseNumber(name: string, text: unknown, limits: NumberLimits = {}): number {
  if (Array.isArray(text)) throw new TrainyardError("USAGE", `--${name} is given more than once`);
  const written = String(text).trim();
  const kind = limits.whole === true ? "a whole number" : "a number";
  const value = decimal.test(written) ? Number(written) : Number.NaN;
  if (!Number.isFinite(value) || (limits.whole === true && !Number.isSafeInteger(value))) {
    throw new TrainyardError("USAGE", `--${name} must be ${kind}, not ${JSON.stringify(written)}`);
  }
  if (!isWithin(value, limits)) {
    throw new TrainyardError("USAGE", `--${name} must be ${rangeInWords(limits)}, not ${written}`);
  }
  return value;
}

type Rest<O> = O & Omit<Options, "type" | "coerce">;

/** An option that is a number; yargs' own kind turns "abc" into NaN and "" into 0 without a word. */
export const numberOption = <O extends Omit<Options, "type" | "coerce">>(
  name: string,
  limits: NumberLimits,
  options: Rest<O>,
) => ({
  ...options,
  requiresArg: true,
  coerce: (text: unknown): number => parseNumber(name, text, limits),
});

/** The items of a list option: `--classes a b` and `--classes a,b` are the same. Empty items are dropped. */
export function splitList(values: unknown): string[] {
  const items = Array.isArray(values) ? values : [values];
  return items.flatMap((item) => String(item).split(",")).filter((item) => item !== "");
}

/** A list of names that stay strings. It ends at the next option or at `--`, which its help says. */
export const listOption = <O extends Omit<Options, "type" | "coerce">>(options: Rest<O>) => ({
  ...options,
  describe: `${options.describe ?? ""} (a list: ends at the next option or at --, or use commas)`,
  requiresArg: true,
  array: true as const,
  string: true as const,
  coerce: (values: unknown): string[] => splitList(values),
});
