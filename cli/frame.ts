/**
 * The frame around every command: finds it, has yargs parse and document it, turns whatever it throws into one
 * sentence and an exit code. No command's own logic.
 */
import yargs, { type Argv, type CommandModule } from "yargs";
import { asTrainyardError, ExitCode, TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest.js";
import { programVersion } from "../shared/version.js";
import type { CommandEntry, LoadedCommand } from "./commands.js";
import { globalOptions } from "./options.js";
import { checkArguments } from "./strictness.js";

const optionsWithValue = Object.entries(globalOptions)
  .filter(([, option]) => !("type" in option) || option.type !== "boolean")
  .map(([name]) => `--${name}`);

/** The command's name: the first word that is neither an option nor a global option's value. */
export function commandNameOf(words: readonly string[]): string | undefined {
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] as string;
    if (optionsWithValue.includes(word)) i += 1;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

/** Runs one command line (without node and script). Returns the exit code; never throws, never exits. */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly CommandEntry[],
): Promise<number> {
  try {
    const asked = words[0] === "help" ? [...words.slice(1), "--help"] : [...words];
    await parse(asked, commands);
    return typeof process.exitCode === "number" ? process.exitCode : ExitCode.finished;
  } catch (error) {
    return report(error, wantsStack(words));
  }
}

const wantsStack = (words: readonly string[]) => {
  const variable = process.env.TRAINYARD_DEBUG ?? "";
  return words.includes("--debug") || !["", "0", "false"].includes(variable);
};

async function parse(words: readonly string[], commands: readonly CommandEntry[]): Promise<void> {
  const name = commandNameOf(words);
  const entry = commands.find((candidate) => candidate.name === name);
  if (name !== undefined && entry === undefined) {
    const names = commands.map((command) => command.name);
    throw new TrainyardError("USAGE", `unknown command ${JSON.stringify(name)}${suggestion(name, names)}`);
  }
  const parser = describeProgram(yargs(markListEnd(words)));
  refuseStrangers(parser, words);
  for (const command of commands) {
    if (command === entry) parser.command(frameCommand((await command.load()).command));
    else parser.command(command.name, command.describe);
  }
  if (entry === undefined) parser.demandCommand(1, "no command given; trainyard --help lists them");
  await parser.parseAsync();
}

/** Parsing rules of the whole program: names stay strings, settings come from TRAINYARD_ variables too. */
function describeProgram(parser: Argv): Argv {
  return parser
    .scriptName("trainyard")
    .usage("$0 COMMAND\n\nTrains image classifiers on several machines.")
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
    })
    .env("TRAINYARD")
    .locale("en")
    .updateStrings(sentences as unknown as Record<string, string>)
    .group([], "Options:")
    .options(globalOptions)
    .option(listEnd, { type: "boolean", hidden: true })
    .alias("h", "help")
    .version(programVersion())
    .group(["help", "version"], "Everywhere:")
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .epilogue(epilogue)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) => {
      if (error !== undefined && error.name !== "YError") throw error;
      throw new TrainyardError("USAGE", oneLine(message ?? error?.message ?? ""), { cause: error });
    });
}

const epilogue =
  "A list (--classes a b) ends at the next option or at --, and may be written with commas.\n" +
  "Options are also read from TRAINYARD_ variables: --batch-size from TRAINYARD_BATCH_SIZE.\n" +
  "Exit codes: 0 finished, 1 failed, 2 wrong use or configuration, 3 interrupted.";

/** yargs' own words, as ours; with a singular and a plural where yargs counts, which its types leave out. */
const sentences = {
  "Not enough arguments following: %s": "--%s needs a value",
  "Missing required argument: %s": { one: "--%s is required", other: "these are required: %s" },
  "Not enough non-option arguments: got %s, need at least %s": {
    one: "an argument is missing (%s given, at least %s needed); --help shows which",
    other: "arguments are missing (%s given, at least %s needed); --help shows which",
  },
};

/** The first call is the innermost command's, whose options and words are all known; yargs repeats it outwards. */
function refuseStrangers(parser: Argv, words: readonly string[]): void {
  let isChecked = false;
  parser.middleware((argv) => {
    if (isChecked) return;
    isChecked = true;
    checkArguments(argv, parser, optionsPart(words));
    for (const [key, value] of Object.entries(argv)) argv[key] = unmark(value);
  }, true);
}

const listEnd = "end-of-list";
/** Before a word that follows `--` and starts with a dash, so that yargs takes it as a word. */
const wordMark = "\u0000";

const optionsPart = (words: readonly string[]) =>
  words.includes("--") ? words.slice(0, words.indexOf("--")) : words;

/**
 * yargs never gives what follows `--` to a command's positions. Here `--` ends lists and options, no more: it
 * becomes a flag that takes nothing, and what follows stays words.
 */
function markListEnd(words: readonly string[]): string[] {
  const before = optionsPart(words);
  if (before.length === words.length) return [...words];
  const after = words.slice(before.length + 1);
  return [...before, `--${listEnd}=true`, ...after.map((word) => word.replace(/^-/, `${wordMark}-`))];
}

function unmark(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmark);
  return typeof value === "string" ? value.replace(wordMark, "") : value;
}

/** yargs adds its own `commands` to the context by the module's `command`; its types can't name every module. */
function frameCommand(loaded: LoadedCommand): CommandModule {
  return loaded as unknown as CommandModule;
}

/** Writes the error for the person who must mend it. Returns the exit code. */
function report(caught: unknown, withStack: boolean): number {
  const error = asTrainyardError(caught);
  process.stderr.write(`trainyard: ${error.message}\n`);
  const isBug = error !== caught;
  if (withStack && caught instanceof Error) process.stderr.write(`${stackOf(caught)}\n`);
  else if (isBug) {
    process.stderr.write(
      "trainyard: this is a bug in Trainyard. Please report it with the stack that --debug shows.\n",
    );
  }
  return error.exitCode;
}

const oneLine = (message: string) => message.replace(/\s*\n\s*/g, " ").trim();

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
