/**
 * A run's flags as values that travel: by option name, as a command line parsed them. Whoever gets them parses them once
 * more, by the same rules as a command line, so that nothing else can make a run.
 */
import yargs, { type Argv } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { checkArguments } from "./strictness.js";

type Value = string | number | boolean;
const isValue = (value: unknown): value is Value => ["string", "number", "boolean"].includes(typeof value);

/** `parsed`: what yargs made of a command line with these options. What was not given is left out. */
export function flagsByName(parsed: object): Record<string, unknown> {
  const values = parsed as Readonly<Record<string, unknown>>;
  const given = Object.keys(runOptions).filter((name) => values[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, values[name]]));
}

/** Errors: USAGE in one sentence, as for a command line. */
export async function parseFlags(flags: unknown): Promise<RunFlags> {
  if (typeof flags !== "object" || flags === null || Array.isArray(flags)) {
    throw new TrainyardError("USAGE", "the flags of a run must be an object, by name");
  }
  const words = Object.entries(flags).flatMap(([name, value]) => wordsOf(name, value));
  // The variables of this process are not those of whoever wrote the flags.
  const parser = yargs(words)
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
    })
    .options(runOptions)
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      throw error instanceof TrainyardError ? error : new TrainyardError("USAGE", message ?? String(error));
    });
  parser.middleware((argv) => checkArguments(argv, parser as Argv, words), true);
  return (await parser.parseAsync()) as unknown as RunFlags;
}

/** Written so that no value is taken for an option. */
function wordsOf(name: string, value: unknown): string[] {
  if (!Object.hasOwn(runOptions, name)) {
    throw new TrainyardError(
      "USAGE",
      `unknown option --${name}${suggestion(name, Object.keys(runOptions), "--")}`,
    );
  }
  const items: unknown[] = Array.isArray(value) ? value : [value];
  const wrong = items.find((item) => !isValue(item));
  if (wrong !== undefined) throw new TrainyardError("USAGE", `--${name} can't be ${JSON.stringify(wrong)}`);
  return items.map((item) => `--${name}=${String(item)}`);
}
