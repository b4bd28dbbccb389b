/**
 * Words of a command line read by the table of settings: which settings they give, and which words are positional. Refuses
 * what the command does not know, with the nearest name. Values are parsed elsewhere (shared/settings/given).
 */
import { TrainyardError } from "../shared/errors.js";
import { nearestSetting, plainName } from "../shared/settings/foreign-names.js";
import type { GivenSetting } from "../shared/settings/given.js";
import type { Setting, Settings } from "../shared/settings/setting.js";
import { hasCommas, isList, splitItems } from "../shared/settings/value.js";

export interface CommandLine {
  /** Options, by the setting's name. */
  readonly given: Map<string, GivenSetting>;
  /** Words that are neither options nor their values, in order. */
  readonly positional: readonly string[];
  /** Where the first positional word stands; -1 when there is none. */
  readonly firstPositional: number;
}

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);

/** The words before `--`, after which every word is positional. */
export const optionsPart = (words: readonly string[]): readonly string[] =>
  words.includes("--") ? words.slice(0, words.indexOf("--")) : words;

/** An option starts with a dash; a negative number (`-0.2,0.2`) and a single dash are values. */
const isOption = (word: string) => word.startsWith("-") && word !== "-" && !/^-\.?\d/.test(word);

/** An option as it stands on the command line: `--name`, `--name=text`, `--no-name` or `-n`. */
interface WrittenOption {
  readonly name: string;
  readonly setting: Setting;
  /** `--name`, for a refusal. */
  readonly origin: string;
  /** The text after `=`, or the value that `--no-name` stands for. */
  readonly text: string | undefined;
}

/** Errors: USAGE for an unknown option, with the nearest name; for an option without its value, or given twice. */
export function readCommandLine(words: readonly string[], settings: Settings): CommandLine {
  const before = optionsPart(words);
  const occurrences = new Map<string, { origin: string; texts: string[][] }>();
  const positional: string[] = [];
  let firstPositional = before.length < words.length - 1 ? before.length + 1 : -1;
  for (let at = 0; at < before.length; ) {
    const word = before[at] as string;
    at += 1;
    if (!isOption(word)) {
      if (positional.length === 0) firstPositional = at - 1;
      positional.push(word);
      continue;
    }
    const option = findOption(word, settings);
    const texts = valueWords(option, before.slice(at));
    if (option.text === undefined) at += texts.length;
    const { origin } = option;
    const found = occurrences.get(option.name) ?? { origin, texts: [] };
    found.texts.push(option.text === undefined ? texts : [option.text]);
    occurrences.set(option.name, found);
  }
  positional.push(...words.slice(before.length + 1));
  const given = [...occurrences].map(
    ([name, { origin, texts }]) => [name, joinOccurrences(origin, settings[name] as Setting, texts)] as const,
  );
  return { given: new Map(given), positional, firstPositional };
}

/** Finds the setting that an option names, in any spelling: `--batch-size`, `--batchSize`, `--batch_size`. */
function findOption(word: string, settings: Settings): WrittenOption {
  const [, dashes = "", name = "", text] = /^(--?)([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  const found = dashes === "-" ? byLetter(name, settings) : byName(name, settings);
  if (found !== undefined) return { ...found, origin: `--${found.name}`, text };
  const negated = /^no-?(.+)$/.exec(name)?.[1];
  const positive = negated === undefined || dashes === "-" ? undefined : byName(negated, settings);
  if (positive?.setting.kind === "boolean") {
    if (text !== undefined) throw refuse(`--no-${positive.name} takes no value`);
    return { ...positive, origin: `--no-${positive.name}`, text: "false" };
  }
  const nearest = nearestSetting(name, namesOf(settings));
  throw refuse(`unknown option ${dashes}${name}${nearest === null ? "" : `; did you mean --${nearest}?`}`);
}

const namesOf = (settings: Settings) => [
  ...Object.keys(settings).filter((name) => settings[name]?.isInternal !== true),
  "help",
  "version",
];

interface Found {
  readonly name: string;
  readonly setting: Setting;
}

function byName(written: string, settings: Settings): Found | undefined {
  const plain = plainName(written);
  const entry = Object.entries(settings).find(([name]) => plainName(name) === plain);
  return entry === undefined ? undefined : { name: entry[0], setting: entry[1] };
}

function byLetter(letter: string, settings: Settings): Found | undefined {
  const entry = Object.entries(settings).find(([, setting]) => setting.letter === letter);
  return entry === undefined ? undefined : { name: entry[0], setting: entry[1] };
}

/** The words after an option that are its value. Errors: USAGE where it needs one and has none. */
function valueWords({ setting, origin, text }: WrittenOption, after: readonly string[]): string[] {
  const [next] = after;
  if (text !== undefined) return [];
  if (setting.kind === "boolean") return next !== undefined && /^(true|false)$/i.test(next) ? [next] : [];
  const end = after.findIndex(isOption);
  const values = after.slice(0, end === -1 ? after.length : end);
  if (values.length === 0) throw refuse(`${origin} needs a value`);
  return isList(setting) ? values : values.slice(0, 1);
}

/** Joins the occurrences of one option. Errors: USAGE when it is given twice and is no list. */
function joinOccurrences(origin: string, setting: Setting, occurrences: readonly string[][]): GivenSetting {
  if (isList(setting)) {
    const isRepeated = occurrences.length > 1 && setting.kind === "list";
    const texts = occurrences.flat();
    return { origin, texts: splitItems(origin, texts, { hasCommas: hasCommas(setting), isRepeated }) };
  }
  if (setting.kind !== "boolean") {
    if (occurrences.length > 1) throw refuse(`${origin} is given more than once`);
    return { origin, texts: occurrences[0] as string[] };
  }
  const texts = occurrences.map(([text = "true"]) => text);
  if (new Set(texts).size > 1) throw refuse(`${origin} is given more than once, with different values`);
  return { origin, texts: texts.slice(0, 1) };
}
