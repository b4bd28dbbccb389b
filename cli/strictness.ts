/**
 * What a command line may not contain: options and arguments that the command doesn't know, an option given twice,
 * numbers that are none. Our own instead of yargs' strict mode, which counts every TRAINYARD_ variable as an
 * unknown option and has no idea of the nearest name.
 */
import type { Argv } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest.js";

/** The part of yargs' state that its type declarations leave out. */
interface DeclaredOptions {
  readonly key: Readonly<Record<string, unknown>>;
  readonly alias: Readonly<Record<string, readonly string[]>>;
  readonly array: readonly string[];
  readonly number: readonly string[];
  readonly choices: Readonly<Record<string, readonly string[]>>;
}
interface YargsState {
  getOptions(): DeclaredOptions;
  getInternalMethods(): {
    getContext(): { readonly commands: readonly string[] };
    getCommandInstance(): { getCommands(): string[] };
  };
}
type Arguments = Readonly<Record<string, unknown>> & { readonly _: readonly unknown[] };

/** As an option is written: `learning-rate`. */
export const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** One form for `beta-1`, `beta1`, `BETA_1`, whichever yargs or the environment uses. */
const normal = (name: string) => name.replace(/[-_]/g, "").toLowerCase();

/** Called by yargs after the command's options are known and before its handler. Errors: USAGE. */
export function checkArguments(argv: Arguments, yargs: Argv, words: readonly string[]): void {
  const state = yargs as unknown as YargsState;
  const declared = state.getOptions();
  checkNames(argv, [...Object.keys(declared.key), ...Object.values(declared.alias).flat()], words);
  checkWords(argv, state);
  checkValues(argv, declared);
}

/** True when the user wrote this option: what yargs takes from TRAINYARD_ variables and positions is not. */
function isWritten(key: string, words: readonly string[]): boolean {
  if (key.length === 1) return words.some((word) => /^-[^-\d]/.test(word) && word.includes(key));
  const name = (word: string) => word.replace(/^--?(no-)?/, "").replace(/=.*$/s, "");
  return words.some((word) => word.startsWith("-") && normal(name(word)) === normal(key));
}

/** Those of the options (as `learning-rate`) that the user wrote. */
export const writtenOptions = (names: readonly string[], words: readonly string[]): string[] =>
  names.filter((name) => isWritten(name, words));

function checkNames(argv: Arguments, declared: readonly string[], words: readonly string[]): void {
  const known = new Set(["_", "$0", "", ...declared].map(normal));
  for (const key of Object.keys(argv)) {
    if (known.has(normal(key)) || !isWritten(key, words)) continue;
    const written = kebab(key);
    const dashes = written.length === 1 ? "-" : "--";
    const names = [...new Set(declared.map(kebab))];
    throw new TrainyardError(
      "USAGE",
      `unknown option ${dashes}${written}${suggestion(written, names, "--")}`,
    );
  }
}

function checkWords(argv: Arguments, state: YargsState): void {
  const path = state.getInternalMethods().getContext().commands;
  const commands = state.getInternalMethods().getCommandInstance().getCommands();
  const word = argv._[path.length];
  if (word !== undefined) {
    const what = commands.length > 0 ? "command" : "argument";
    const written = [...path, JSON.stringify(String(word))].join(" ");
    throw new TrainyardError("USAGE", `unknown ${what} ${written}${suggestion(String(word), commands)}`);
  }
  if (path.length > 0 && commands.length > 0) {
    throw new TrainyardError("USAGE", `${path.join(" ")} needs one of: ${commands.join(", ")}`);
  }
}

function checkValues(argv: Arguments, declared: DeclaredOptions): void {
  for (const key of Object.keys(declared.key)) {
    const value = argv[key];
    if (value === undefined) continue;
    const option = `--${kebab(key)}`;
    if (Array.isArray(value) && !declared.array.includes(key)) {
      throw new TrainyardError("USAGE", `${option} is given more than once`);
    }
    const items: unknown[] = Array.isArray(value) ? value : [value];
    if (declared.number.includes(key) && items.some((item) => !Number.isFinite(item))) {
      throw new TrainyardError("USAGE", `${option} must be a number`);
    }
    checkChoice(option, items, declared.choices[key]);
  }
}

function checkChoice(
  option: string,
  items: readonly unknown[],
  choices: readonly string[] | undefined,
): void {
  const wrong = choices === undefined ? undefined : items.find((item) => !choices.includes(String(item)));
  if (choices === undefined || wrong === undefined) return;
  const near = suggestion(String(wrong), choices);
  throw new TrainyardError(
    "USAGE",
    `${option} must be one of ${choices.join(", ")}, not ${JSON.stringify(wrong)}${near}`,
  );
}
