/**
 * A run's settings as values that travel from `submit` to a coordinator: by option name, parsed. The coordinator parses them
 * again by the rules of a command line, so that no other way leads to a run.
 */
import { TrainyardError } from "../shared/errors.js";
import { nearestSetting } from "../shared/settings/foreign-names.js";
import { flagsOf, type GivenSetting } from "../shared/settings/given.js";
import { type RunFlags, runSettings } from "../shared/settings/run-settings.js";
import { camelCase, type Setting } from "../shared/settings/setting.js";
import { hasCommas, splitItems } from "../shared/settings/value.js";

type Value = string | number | boolean;
const isValue = (value: unknown): value is Value => ["string", "number", "boolean"].includes(typeof value);

/** The run's settings among a command's flags, by option name. What was not given and has no default is left out. */
export function flagsByName(flags: RunFlags): Record<string, unknown> {
  const values = flags as Readonly<Record<string, unknown>>;
  const named = Object.keys(runSettings).map((name) => [name, values[camelCase(name)]] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

/** Flags that another process sent. This process' variables don't count. Errors: USAGE, as for a command line. */
export function parseFlags(flags: unknown): RunFlags {
  if (typeof flags !== "object" || flags === null || Array.isArray(flags)) {
    throw new TrainyardError("USAGE", "the flags of a run must be an object, by name");
  }
  const given = Object.entries(flags).map(([name, value]) => [name, givenBy(name, value)] as const);
  return flagsOf(runSettings, new Map(given));
}

const settings: Readonly<Record<string, Setting>> = runSettings;

function givenBy(name: string, value: unknown): GivenSetting {
  const origin = `--${name}`;
  const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (setting === undefined) {
    const nearest = nearestSetting(name, Object.keys(settings));
    const near = nearest === null ? "" : `; did you mean --${nearest}?`;
    throw new TrainyardError("USAGE", `unknown option ${origin}${near}`);
  }
  const items: unknown[] = Array.isArray(value) ? value : [value];
  const wrong = items.find((item) => !isValue(item));
  if (wrong !== undefined) throw new TrainyardError("USAGE", `${origin} can't be ${JSON.stringify(wrong)}`);
  const texts = items.map(String);
  // An array has its items apart already: a comma in one belongs to it.
  const isSplit = hasCommas(setting) && !Array.isArray(value);
  return {
    origin,
    texts: isSplit ? splitItems(origin, texts, { hasCommas: true, isRepeated: false }) : texts,
  };
}
