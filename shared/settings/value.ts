/**
 * Parses the text that a user wrote into a setting's value. Every refusal is one sentence that names where the text stands
 * (`--epochs`, `TRAINYARD_EPOCHS`) and what would be allowed, range included. Knows no command line and no environment.
 */
import { TrainyardError } from "../errors.js";
import { suggestion } from "../nearest-name.js";
import type { Bounds, ListSetting, NumbersSetting, Setting, SettingValue, TextSetting } from "./setting.js";

/** A text and its origin. */
interface Written {
  /** `--epochs`, or `TRAINYARD_EPOCHS`. */
  readonly origin: string;
  readonly text: string;
}

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);
const quoted = (text: string) => JSON.stringify(text);

/** Bounds as a refusal and docs/settings.md say them: `at least 1 and at most 4096`. Empty where there are none. */
export function rangeInWords({ min, max, above, below }: Bounds): string {
  const low = min !== undefined ? `at least ${min}` : above !== undefined ? `above ${above}` : "";
  const high = max !== undefined ? `at most ${max}` : below !== undefined ? `below ${below}` : "";
  return [low, high].filter((part) => part !== "").join(" and ");
}

export const isWithin = (value: number, { min, max, above, below }: Bounds): boolean =>
  value >= (min ?? Number.NEGATIVE_INFINITY) &&
  value <= (max ?? Number.POSITIVE_INFINITY) &&
  value > (above ?? Number.NEGATIVE_INFINITY) &&
  value < (below ?? Number.POSITIVE_INFINITY);

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number that a text stands for: decimal notation only, so neither `0x10` nor an empty text. Errors: USAGE. */
export function parseNumber({ origin, text }: Written, bounds: Bounds): number {
  const written = text.trim();
  const value = decimal.test(written) ? Number(written) : Number.NaN;
  const isWhole = bounds.isWhole === true;
  const range = rangeInWords(bounds);
  if (!Number.isFinite(value) || (isWhole && !Number.isSafeInteger(value))) {
    const kind = `${isWhole ? "a whole number" : "a number"}${range === "" ? "" : `, ${range}`}`;
    throw refuse(`${origin} must be ${kind}, not ${quoted(written)}`);
  }
  if (!isWithin(value, bounds)) throw refuse(`${origin} must be ${range}, not ${written}`);
  return value;
}

const booleans: Readonly<Record<string, boolean>> = {
  "1": true,
  true: true,
  yes: true,
  on: true,
  "0": false,
  false: false,
  no: false,
  off: false,
};

/** True or false for `1/0`, `true/false`, `yes/no` and `on/off` in any case. Errors: USAGE for anything else. */
export function parseBoolean({ origin, text }: Written): boolean {
  const value = booleans[text.trim().toLowerCase()];
  if (value !== undefined) return value;
  throw refuse(`${origin} must be 1 or 0, true or false, yes or no, on or off, not ${quoted(text)}`);
}

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};

/** The bytes that `512MiB`, `1.5 GiB`, `100MB` or `0` stand for. Errors: USAGE. */
export function parseBytes({ origin, text }: Written): number {
  const written = text.trim();
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(written) ?? [];
  const bytes = Math.floor(Number(number ?? Number.NaN) * (byteUnits[unit.toLowerCase()] ?? Number.NaN));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw refuse(`${origin} must be a size like 512MiB or 4GiB, or 0 for none, not ${quoted(written)}`);
}

/** `[height, width]` for `64` or `HEIGHTxWIDTH`. Errors: USAGE. */
export function parseSides(
  { origin, text }: Written,
  bounds: { readonly min: number; readonly max: number },
): [number, number] {
  const sides = text.split(/x/i);
  const whole = { isWhole: true, min: bounds.min, max: bounds.max };
  if (sides.length > 2) {
    const range = rangeInWords(bounds);
    throw refuse(`${origin} must be a whole number or HEIGHTxWIDTH, each ${range}, not ${quoted(text)}`);
  }
  const [height, width] = sides.map((side) => parseNumber({ origin, text: side }, whole));
  return [height as number, width ?? (height as number)];
}

function parseChoice({ origin, text }: Written, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const near = suggestion(text, choices);
  throw refuse(`${origin} must be one of ${choices.join(", ")}, not ${quoted(text)}${near}`);
}

const hasControlCharacter = (text: string) => /\p{Cc}/u.test(text);

/** Errors: USAGE naming the origin, never the text, which may be a secret. */
export function refuseControlCharacters({ origin, text }: Written): void {
  if (!hasControlCharacter(text)) return;
  throw refuse(`${origin} must not hold a line break, a tab or another control character`);
}

function parseText({ origin, text }: Written, { form, read, isPath }: TextSetting): string {
  if (text === "") throw refuse(`${origin} needs a value`);
  const value = read === undefined ? text : read(text);
  if (value === null) throw refuse(`${origin} must be ${form}, not ${quoted(text)}`);
  if (isPath !== true) refuseControlCharacters({ origin, text });
  return value;
}

/**
 * The items of a list. `texts` are the words that followed an option; `isRepeated`: the option was given several times,
 * and then a comma is part of an item. Errors: USAGE for an empty item.
 */
export function splitItems(
  origin: string,
  texts: readonly string[],
  { hasCommas, isRepeated }: { readonly hasCommas: boolean; readonly isRepeated: boolean },
): string[] {
  const isSplit = hasCommas && !isRepeated;
  const items = texts.flatMap((text) => (isSplit ? text.split(",").map((item) => item.trim()) : [text]));
  if (!items.some((item) => item === "")) return items;
  const whole = quoted(texts.join(" "));
  throw refuse(`${origin} must not have an empty item, as ${whole} has`);
}

function parseList(origin: string, items: readonly string[], { mayRepeat }: ListSetting): string[] {
  const twice = items.find((item, index) => items.indexOf(item) !== index);
  if (twice === undefined || mayRepeat === true) return [...items];
  throw refuse(`${origin} names ${quoted(twice)} more than once`);
}

function parseNumbers(origin: string, items: readonly string[], setting: NumbersSetting): number[] {
  const values = items.map((text) => parseNumber({ origin, text }, setting));
  const isRising = values.every((value, index) => index === 0 || (values[index - 1] as number) <= value);
  if (values.length === setting.count && isRising) return values;
  const range = rangeInWords(setting);
  throw refuse(`${origin} must be ${setting.meaning}, each ${range}; not ${items.join(",")}`);
}

/**
 * The value of a setting, from texts as a command line or a variable has them: one, or a list's items. Errors: USAGE
 * naming `origin`.
 */
export function parseValue(setting: Setting, origin: string, texts: readonly string[]): SettingValue {
  if (setting.kind === "list") return parseList(origin, texts, setting);
  if (setting.kind === "numbers") return parseNumbers(origin, texts, setting);
  const [text = ""] = texts;
  if (texts.length > 1) throw refuse(`${origin} is given more than once`);
  return parseOne(setting, { origin, text });
}

type SingleSetting = Exclude<Setting, { readonly kind: "list" | "numbers" }>;

function parseOne(setting: SingleSetting, written: Written): SettingValue {
  switch (setting.kind) {
    case "number":
      return parseNumber(written, setting);
    case "boolean":
      return parseBoolean(written);
    case "choice":
      return parseChoice(written, setting.choices);
    case "bytes":
      return parseBytes(written);
    case "sides":
      parseSides(written, setting);
      return written.text;
    case "text":
      return parseText(written, setting);
  }
}

/** True for a setting that takes several texts. */
export const isList = (setting: Setting): boolean => setting.kind === "list" || setting.kind === "numbers";

/** True when commas separate the items of a setting's text. */
export const hasCommas = (setting: Setting): boolean =>
  setting.kind === "numbers" || (setting.kind === "list" && setting.hasCommas);

/**
 * The text of a variable or file without the white space around it, such as the line break at a file's end. Errors: USAGE
 * naming `origin` when a control character is inside.
 */
export function cleanText(origin: string, text: string): string {
  const clean = text.trim();
  refuseControlCharacters({ origin, text: clean });
  return clean;
}
