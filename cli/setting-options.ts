/** Settings as yargs' options: for its help, and for the values that a command gets. */
import type { Argv, Options, PositionalOptions } from "yargs";
import type { GivenSettings } from "../shared/settings/given.js";
import type { Setting, Settings, SettingValue } from "../shared/settings/setting.js";
import { isList, parseValue } from "../shared/settings/value.js";
import { laterDefaultInWords, plainDefaultInWords } from "../shared/settings/words.js";

const listNote = "(a list: ends at the next option or at --, or use commas)";
const plainListNote = "(a list: ends at the next option or at --)";

function helpText(setting: Setting): string {
  const later = laterDefaultInWords(setting);
  const list = setting.kind === "list" && setting.hasCommas ? listNote : plainListNote;
  const parts = [setting.help, later === null ? "" : `[default: ${later}]`];
  if (isList(setting) && setting.isPositional !== true) parts.push(setting.kind === "list" ? list : listNote);
  return parts.filter((part) => part !== "").join(" ");
}

/** One setting for `yargs.option`. */
export function yargsOption(name: string, setting: Setting): Options {
  const plain = plainDefaultInWords(setting);
  return {
    describe: helpText(setting),
    ...typeOf(setting),
    ...(setting.group === undefined ? {} : { group: setting.group }),
    ...(setting.letter === undefined ? {} : { alias: setting.letter }),
    ...(setting.isRequired === true ? { demandOption: true } : {}),
    ...(setting.isInternal === true ? { hidden: true } : {}),
    ...(setting.kind === "boolean" ? {} : { requiresArg: true }),
    ...(plain === null ? {} : { default: defaultOf(setting) }),
    ...(setting.kind === "bytes" ? { defaultDescription: `"${plain}"` } : {}),
    coerce: (written: unknown): SettingValue => parseValue(setting, `--${name}`, textsOf(written)),
  };
}

const textsOf = (written: unknown): string[] => (Array.isArray(written) ? written : [written]).map(String);

const defaultOf = (setting: Setting) => ("default" in setting ? setting.default : undefined);

function typeOf(setting: Setting): Options {
  switch (setting.kind) {
    case "boolean":
      return { type: "boolean" };
    case "choice":
      return { choices: setting.choices };
    case "text":
    case "sides":
      return { type: "string" };
    case "list":
    case "numbers":
      return { array: true, string: true };
    case "number":
    case "bytes":
      return {};
  }
}

/** Declares every setting as an option, positional ones too: the frame names every word. */
export function addOptions(parser: Argv, settings: Settings): Argv {
  for (const [name, setting] of Object.entries(settings)) parser.option(name, yargsOption(name, setting));
  return parser;
}

/** Declares options and positional words, as help shows them. */
export function addForHelp(parser: Argv, settings: Settings): Argv {
  for (const [name, setting] of Object.entries(settings)) {
    if (setting.isPositional !== true) parser.option(name, yargsOption(name, setting));
    else parser.positional(name, positionalForHelp(setting));
  }
  return parser;
}

function positionalForHelp(setting: Setting): PositionalOptions {
  return {
    describe: helpText(setting),
    type: "string",
    ...(setting.kind === "list" ? { array: true } : {}),
    ...(setting.isRequired === true ? { demandOption: true } : {}),
  };
}

/** ` <run> [paths..]`: how a command's positional words stand in its usage line. */
export function positionalUsage(settings: Settings): string {
  const parts = positionalsOf(settings).map(([name, setting]) => {
    if (setting.kind === "list") return ` [${name}..]`;
    return setting.isRequired === true ? ` <${name}>` : ` [${name}]`;
  });
  return parts.join("");
}

/** The positional settings, in the order of the command line. */
export const positionalsOf = (settings: Settings): [string, Setting][] =>
  Object.entries(settings).filter(([, setting]) => setting.isPositional === true);

/** The words that give yargs these settings: each named, so that yargs has nothing to interpret. */
export const wordsFor = (settings: Settings, given: GivenSettings): string[] =>
  [...given].flatMap(([name, { texts }]) => {
    const setting = settings[name] as Setting;
    return texts.map((text) => `--${name}=${canonical(setting, text)}`);
  });

/** yargs' booleans know true and false only. */
const canonical = (setting: Setting, text: string): string =>
  setting.kind === "boolean" ? String(parseValue(setting, "", [text])) : text;
