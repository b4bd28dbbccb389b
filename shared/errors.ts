/**
 * Every error that Trainyard throws on purpose. An error is a sentence for the person who has to mend it
 * (what, where, what to do), a stable code for scripts, and an exit code; ids travel as fields.
 */

/** Process exit codes: 0 finished, 1 failed, 2 wrong use or configuration, 3 drained or interrupted. */
export const ExitCode = { finished: 0, failed: 1, usage: 2, interrupted: 3 } as const;
/** An exit code of the program. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The stable code of an error. */
export type ErrorCode =
  | "USAGE" // wrong flags, names, settings
  | "INPUT" // the user's files are not what the command needs
  | "NOT_FOUND" // a run, data set or object that does not exist
  | "ALREADY_EXISTS" // a conditional write met an object
  | "STORE_UNREACHABLE" // the object store does not answer
  | "STORE_DENIED" // wrong credentials or rights
  | "STORE_FULL" // no space left
  | "DAMAGED" // bytes do not match their hash
  | "UNKNOWN_FORMAT" // another version of Trainyard wrote it
  | "SETUP" // TensorFlow or its binding is missing or broken
  | "ENGINE" // TensorFlow refused a graph or a call
  | "MODEL" // a model that can't be built or loaded
  | "REFUSED" // the coordinator does not take this worker
  | "UNREACHABLE" // a coordinator or worker does not answer
  | "NOT_FINITE" // NaN or infinity where a number must be
  | "FENCED" // another coordinator has taken the run over
  | "INTERRUPTED" // a signal or a stop request
  | "FAILED"; // the run failed

/** A store that is away or full may be back or have room in a while: what must be written is tried again. */
export const isStoreOutage = (code: string): boolean => code === "STORE_UNREACHABLE" || code === "STORE_FULL";

/** An error with a stable code and a sentence that a user can act on. */
export class TrainyardError extends Error {
  override readonly name = "TrainyardError";
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, string | number | boolean>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; fields?: Record<string, string | number | boolean> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
  }

  get exitCode(): ExitCode {
    switch (this.code) {
      case "USAGE":
      case "INPUT":
      case "NOT_FOUND":
      case "ALREADY_EXISTS":
      case "STORE_DENIED":
      case "UNKNOWN_FORMAT":
      case "SETUP":
      case "MODEL":
      case "REFUSED":
        return ExitCode.usage;
      case "INTERRUPTED":
        return ExitCode.interrupted;
      default:
        return ExitCode.failed;
    }
  }
}

/** Anything caught, as the project's error: known ones pass, the rest become `code` (default FAILED). */
export function asTrainyardError(caught: unknown, code: ErrorCode = "FAILED"): TrainyardError {
  if (caught instanceof TrainyardError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new TrainyardError(code, message, { cause: caught });
}

/** Ends a switch over a union: reached only when a case was forgotten, and then the process must stop. */
export function assertNever(value: never): never {
  throw new Error(`invariant broken: unexpected ${JSON.stringify(value)}`);
}

/** A broken invariant stops the process: a wrong gradient is worse than a dead worker. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
