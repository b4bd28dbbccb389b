/**
 * Resolves a command line: which command it names, which settings it gives, and which the environment gives. Everything is checked here, before yargs carries it to the command.
 */
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest-name.js";
import { nearestSetting } from "../shared/settings/foreign-names.js";
import { type GivenSetting, valuesOf } from "../shared/settings/given.js";
import { globalSettings } from "../shared/settings/process-settings.js";
import type { Settings } from "../shared/settings/setting.js";
import { type Environment, givenByEnvironment } from "../shared/settings/variables.js";
import type { LoadedCommand, WrittenSettings } from "./command.js";
import { type CommandLine, readCommandLine } from "./command-line.js";
import { positionalsOf, positionalUsage } from "./setting-options.js";

export interface Resolved {
  /** The command and, below a parent, its subcommand. */
  readonly path: readonly LoadedCommand[];
  /** The settings of the last command of the path, and those that every command has. */
  readonly settings: Settings;
  /** What the command line and the environment give; every value is valid. */
  readonly given: ReadonlyMap<string, GivenSetting>;
  readonly written: WrittenSettings;
}

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);

/** `words`: the command line without the command's own name. Errors: USAGE in one sentence. */
export function resolveCommand(
  command: LoadedCommand,
  words: readonly string[],
  environment: Environment,
): Resolved {
  const { path, rest } = findSubcommand(command, words);
  const settings = { ...globalSettings, ...(path.at(-1) as LoadedCommand).settings };
  const line = readCommandLine(rest, settings);
  const positional = placePositional(line, rest, path);
  const written = new Set([...line.given.keys(), ...positional.keys()]);
  const here = new Map([...line.given, ...positional]);
  const given = new Map([...givenByEnvironment(settings, environment), ...here]);
  valuesOf(settings, given);
  checkRequired(path, given);
  return { path, settings, given, written };
}

interface Found {
  readonly path: readonly LoadedCommand[];
  /** The words without the subcommand's name. */
  readonly rest: readonly string[];
}

/** Errors: USAGE when a parent's subcommand is missing or unknown. */
function findSubcommand(command: LoadedCommand, words: readonly string[]): Found {
  const { subcommands } = command;
  if (subcommands === undefined) return { path: [command], rest: words };
  const all = Object.assign({}, globalSettings, ...subcommands.map(({ settings }) => settings)) as Settings;
  const { positional, firstPositional } = readCommandLine(words, all);
  const [name] = positional;
  const names = [
    ...subcommands.map((one) => one.name),
    ...subcommands.flatMap(({ aliases = [] }) => aliases),
  ];
  if (name === undefined) throw refuse(`${command.name} needs one of: ${names.join(", ")}`);
  const found = subcommandOf(command, name);
  if (found === undefined) {
    throw refuse(`unknown command ${command.name} ${JSON.stringify(name)}${suggestion(name, names)}`);
  }
  return { path: [command, found], rest: words.toSpliced(firstPositional, 1) };
}

/** The command below `parent` that goes by this name or alias. */
export const subcommandOf = (parent: LoadedCommand, name: string): LoadedCommand | undefined =>
  parent.subcommands?.find((one) => one.name === name || one.aliases?.includes(name) === true);

const nameOf = (path: readonly LoadedCommand[]) => path.map(({ name }) => name).join(" ");

/** Gives positional words to the settings that they stand for. Errors: USAGE for one too many. */
function placePositional(
  line: CommandLine,
  words: readonly string[],
  path: readonly LoadedCommand[],
): Map<string, GivenSetting> {
  const placed = new Map<string, GivenSetting>();
  const left = [...line.positional];
  for (const [name, setting] of positionalsOf((path.at(-1) as LoadedCommand).settings)) {
    if (line.given.has(name)) continue;
    const texts = left.splice(0, setting.kind === "list" ? left.length : 1);
    if (texts.length > 0) placed.set(name, { origin: name.toUpperCase(), texts });
  }
  const [stray] = left;
  if (stray === undefined) return placed;
  const hint = switchValue(stray, words) ?? nearOption(stray, path);
  throw refuse(`unknown argument ${nameOf(path)} ${JSON.stringify(stray)}${hint}`);
}

/** `yes` after a switch: it is no value of it without an equals sign. */
function switchValue(word: string, words: readonly string[]): string | null {
  const before = words[words.indexOf(word) - 1];
  if (before?.startsWith("--") !== true || !/^(1|0|yes|no|on|off)$/i.test(word)) return null;
  return `; write ${before}=${word}`;
}

/** A word that is an option's name, or near one, has probably lost its dashes. */
function nearOption(word: string, path: readonly LoadedCommand[]): string {
  const names = Object.keys((path.at(-1) as LoadedCommand).settings);
  const nearest = word.length < 3 ? null : nearestSetting(word.replace(/=.*$/s, ""), names);
  return nearest === null ? "" : `; did you mean --${nearest}?`;
}

/** Errors: USAGE showing how the command is written. */
function checkRequired(path: readonly LoadedCommand[], given: ReadonlyMap<string, GivenSetting>): void {
  const { settings } = path.at(-1) as LoadedCommand;
  const missing = positionalsOf(settings).find(([name, { isRequired }]) => isRequired && !given.has(name));
  if (missing === undefined) return;
  const usage = `trainyard ${nameOf(path)}${positionalUsage(settings)}`;
  throw refuse(`an argument is missing, ${missing[0].toUpperCase()}: ${usage}`);
}
