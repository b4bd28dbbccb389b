/**
 * The curve of a run, per step and per epoch: what it learned and when, exact to the last bit. The coordinator
 * stores it as `runs/<run>/curve.json` (all of it) and `curve.csv` (the epochs) with `curve-steps.csv` beside it.
 */
import { z } from "zod";
import { TrainyardError } from "./errors.js";
import { refuseUnknownFormat } from "./formats.js";

/** JSON has no NaN and no infinity: they travel as strings, everything else as the shortest exact decimal. */
export const exact = z
  .union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"])])
  .transform((value) => Number(value));

/** One committed step of a run. */
export const StepRow = z.object({
  /** Step number over the whole run; the first is 0. */
  step: z.number().int().nonnegative(),
  /** Epoch number; the first is 0. */
  epoch: z.number().int().nonnegative(),
  /** Mean over the step's samples, with class weights and regularisation as Keras reports it; null for a skipped step. */
  loss: exact.nullable(),
  /** 0 to 1, unweighted; null for a skipped step. */
  accuracy: exact.nullable(),
  learningRate: exact,
  /** Euclidean norm of the mean gradient; null for a skipped step. */
  gradientNorm: exact.nullable(),
  samples: z.number().int().nonnegative(),
  /** Seconds from the assignment of the step to its commit. */
  seconds: exact,
  /** CRC-32C of the float32 weights after the commit, unsigned. */
  crc32c: z.number().int().nonnegative().max(0xffffffff),
  /** skipped: a gradient, or what the update would make of it, was not finite; the weights stayed. */
  status: z.enum(["applied", "skipped"]),
});
export type StepRow = z.infer<typeof StepRow>;

/** One finished epoch of a run. */
export const EpochRow = z.object({
  /** Epoch number; the first is 0. */
  epoch: z.number().int().nonnegative(),
  /** Steps committed when the epoch was over: the weights version that was evaluated. */
  step: z.number().int().nonnegative(),
  /** Over the samples of applied steps, each once: never a mean of step means. Null when no step was applied. */
  loss: exact.nullable(),
  accuracy: exact.nullable(),
  /** Validation loss; null when the data set has no validation images. */
  validationLoss: exact.nullable(),
  /** Null also where the validation loss is not finite. */
  validationAccuracy: exact.nullable(),
  learningRate: exact,
  /** Training and evaluation. */
  seconds: exact,
  /** Null when no step was applied. */
  imagesPerSecond: exact.nullable(),
});
export type EpochRow = z.infer<typeof EpochRow>;

/** A run's training curve: every step and epoch. */
export const Curve = z.object({
  format: z.literal("trainyard-curve/1"),
  run: z.string(),
  epochs: z.array(EpochRow),
  steps: z.array(StepRow),
});
export type Curve = z.infer<typeof Curve>;

const isNumberJsonLacks = (value: unknown): value is number =>
  typeof value === "number" && !Number.isFinite(value);

/** Also right inside any other document: NaN and infinities as strings instead of null. */
export const keepNonFinite = (_key: string, value: unknown) =>
  isNumberJsonLacks(value) ? String(value) : value;

/** A curve whose steps need not lie in memory as objects. */
export interface CurveRows {
  readonly run: string;
  readonly epochs: readonly EpochRow[];
  readonly steps: Iterable<StepRow>;
}

/** The curve as JSON text, one line, in pieces of at most one row, so that a long curve holds no thread for long. */
export function* jsonPieces({ run, epochs, steps }: CurveRows): Generator<string> {
  const format: Curve["format"] = "trainyard-curve/1";
  yield `{"format":${JSON.stringify(format)},"run":${JSON.stringify(run)},"epochs":[`;
  yield* rowPieces(epochs);
  yield `],"steps":[`;
  yield* rowPieces(steps);
  yield "]}\n";
}

function* rowPieces(rows: Iterable<StepRow | EpochRow>): Generator<string> {
  let separator = "";
  for (const row of rows) {
    yield separator + JSON.stringify(row, keepNonFinite);
    separator = ",";
  }
}

/** Errors: UNKNOWN_FORMAT; DAMAGED when the text is not a curve. `where` names it, for instance by its key. */
export function fromJson(text: string, where = "curve.json"): Curve {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TrainyardError("DAMAGED", `${where} is not JSON`, { cause: error });
  }
  refuseUnknownFormat(value, where);
  const parsed = Curve.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TrainyardError(
    "DAMAGED",
    `${where} is not a curve: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
  );
}

type Cells = Readonly<Record<string, number | string | null>>;

/** Header and rows by RFC 4180; the cells need no quotes, being numbers, nothing, or one of two words. */
function* csvPieces(columns: readonly string[], rows: Iterable<Cells>): Generator<string> {
  yield `${columns.join(",")}\n`;
  for (const row of rows) yield `${columns.map((column) => String(row[column] ?? "")).join(",")}\n`;
}

/** The epochs of a curve as CSV text, a line at a time. */
export const epochsCsvPieces = ({ epochs }: CurveRows) => csvPieces(Object.keys(EpochRow.shape), epochs);
/** The steps of a curve as CSV text, a line at a time. */
export const stepsCsvPieces = ({ steps }: CurveRows) => csvPieces(Object.keys(StepRow.shape), steps);
