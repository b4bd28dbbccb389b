/**
 * The frame around every command: finds it, has yargs document it and carry its settings to it, turns whatever it throws
 * into one sentence and an exit code. No command's own logic.
 */
import yargs, { type Argv, type CommandModule } from "yargs";
import { asTrainyardError, ExitCode, TrainyardError } from "../shared/errors.js";
import { type LogDestination, logDestination, spareLogDescriptor } from "../shared/log-file.js";
import { suggestion } from "../shared/nearest-name.js";
import { globalSettings } from "../shared/settings/process-settings.js";
import { unknownVariables } from "../shared/settings/variables.js";
import { programVersion } from "../shared/version.js";
import type { LoadedCommand } from "./command.js";
import { optionsPart, readCommandLine } from "./command-line.js";
import type { CommandEntry } from "./commands.js";
import { type Resolved, resolveCommand, subcommandOf } from "./resolve.js";
import { addForHelp, addOptions, positionalUsage, wordsFor } from "./setting-options.js";

const optionsWithValue = Object.entries(globalSettings)
  .filter(([, { kind }]) => kind !== "boolean")
  .map(([name]) => `--${name}`);

/** Where the command's name stands: the first word that is neither an option nor a global option's value. */
function commandIndex(words: readonly string[]): number {
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string;
    if (optionsWithValue.includes(word)) at += 1;
    else if (!word.startsWith("-")) return at;
  }
  return -1;
}

/** The command's name, or undefined when the words name none. */
export const commandNameOf = (words: readonly string[]): string | undefined => words[commandIndex(words)];

/** Runs one command line (without node and script). Returns the exit code; never throws, never exits. */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly CommandEntry[],
): Promise<number> {
  try {
    const asked = words[0] === "help" ? [...words.slice(1), "--help"] : words;
    await runAsked(asked, commands);
    return typeof process.exitCode === "number" ? process.exitCode : ExitCode.finished;
  } catch (error) {
    const spare = words.includes("--attached") ? spareLogDescriptor : null;
    return report(error, wantsStack(words), logDestination(process.stderr.fd, spare));
  }
}

const wantsStack = (words: readonly string[]) => {
  const variable = (process.env.TRAINYARD_DEBUG ?? "").trim().toLowerCase();
  return words.includes("--debug") || !["", "0", "false", "no", "off"].includes(variable);
};

async function runAsked(words: readonly string[], commands: readonly CommandEntry[]): Promise<void> {
  const name = commandNameOf(words);
  const entry = commands.find((candidate) => candidate.name === name);
  if (name !== undefined && entry === undefined) {
    const names = commands.map((command) => command.name);
    throw new TrainyardError("USAGE", `unknown command ${JSON.stringify(name)}${suggestion(name, names)}`);
  }
  const options = optionsPart(words);
  if (options.includes("--version")) return showVersion();
  const command = entry === undefined ? undefined : (await entry.load()).command;
  if (options.includes("--help") || options.includes("-h")) return await showHelp(words, commands, command);
  if (command === undefined) {
    readCommandLine(words, globalSettings);
    throw new TrainyardError("USAGE", "no command given; trainyard --help lists them");
  }
  const rest = words.toSpliced(commandIndex(words), 1);
  const resolved = resolveCommand(command, rest, process.env);
  if (!resolved.given.has("attached")) warnOfUnknownVariables();
  await runResolved(resolved);
}

const showVersion = () => void process.stdout.write(`${programVersion()}\n`);

/** yargs calls the command, with the settings that the words name. */
async function runResolved({ path, settings, given, written }: Resolved): Promise<void> {
  const command = path.at(-1) as LoadedCommand;
  const module: CommandModule = {
    command: command.name,
    builder: (parser) => addOptions(parser, command.settings),
    handler: (flags) => command.run(flags as never, written),
  };
  const words = [command.name, ...wordsFor(settings, given)];
  await describeProgram(yargs(words)).command(module).parseAsync();
}

/** Shows the help of the program, a command or a subcommand, whatever else the words say. */
async function showHelp(
  words: readonly string[],
  commands: readonly CommandEntry[],
  command: LoadedCommand | undefined,
): Promise<void> {
  const after = command === undefined ? [] : words.slice(commandIndex(words) + 1);
  const below = command && after.map((word) => subcommandOf(command, word)).find((one) => one !== undefined);
  const path = [command, below].flatMap((one) => (one === undefined ? [] : [one.name]));
  const parser = describeProgram(yargs([...path, "--help"]));
  for (const { name, describe } of commands) {
    if (name === command?.name) parser.command(moduleForHelp(command));
    else parser.command(name, describe);
  }
  await parser.parseAsync();
}

function moduleForHelp(command: LoadedCommand): CommandModule {
  return {
    command: `${command.name}${positionalUsage(command.settings)}`,
    describe: command.describe,
    aliases: command.aliases ?? [],
    builder: (parser) => {
      addForHelp(parser, command.settings);
      for (const one of command.subcommands ?? []) parser.command(moduleForHelp(one));
      for (const [line, what] of command.examples ?? []) parser.example(line, what);
      return command.epilogue === undefined ? parser : parser.epilogue(command.epilogue);
    },
    handler: () => undefined,
  };
}

/** What yargs shows and how it reads words, for every command. Values stay the strings that they are. */
function describeProgram(parser: Argv): Argv {
  return addOptions(parser.group([], "Options:"), globalSettings)
    .scriptName("trainyard")
    .usage("$0 COMMAND\n\nTrains image classifiers on several machines.")
    .parserConfiguration({
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
      "greedy-arrays": false,
    })
    .locale("en")
    .updateStrings(sentences as unknown as Record<string, string>)
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
  "A list (--classes a b) ends at the next option or at --, and may be written with commas; where an item holds a\n" +
  "comma, repeat the option. A switch is --debug, --no-debug or --debug=yes|no.\n" +
  "Options are also read from TRAINYARD_ variables: --batch-size from TRAINYARD_BATCH_SIZE.\n" +
  "Exit codes: 0 finished, 1 failed, 2 wrong use or configuration, 3 interrupted.";

/** yargs' own words, as ours; with a singular and a plural where yargs counts, which its types leave out. */
const sentences = {
  "Missing required argument: %s": { one: "--%s is required", other: "these are required: %s" },
};

/** A setting that nothing reads does nothing, which its user should know. */
function warnOfUnknownVariables(): void {
  for (const { name, nearest } of unknownVariables(process.env)) {
    const near = nearest === null ? "" : `; did you mean ${nearest}?`;
    process.stderr.write(`${name} is set, and no command reads it${near}\n`);
  }
}

/** Writes the error for the person who must mend it. Returns the exit code. */
function report(caught: unknown, withStack: boolean, output: LogDestination): number {
  const error = asTrainyardError(caught);
  output.write(`trainyard: ${error.message}\n`);
  const isBug = error !== caught;
  if (withStack && caught instanceof Error) output.write(`${stackOf(caught)}\n`);
  else if (isBug) {
    output.write(
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
