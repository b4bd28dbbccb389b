/**
 * Settings as they were given, before they are parsed, and flags made from them: the same rules for a command line, the
 * environment, and flags that a coordinator receives.
 */
import { camelCase, type FlagsOf, type Setting, type Settings, type SettingValue } from "./setting.js";
import { parseValue } from "./value.js";

/** The texts of one setting; several only for a list, whose items they are. */
export interface GivenSetting {
  /** `--epochs`, `TRAINYARD_EPOCHS`: what a refusal names. */
  readonly origin: string;
  readonly texts: readonly string[];
}

/** What was given, by the setting's name. */
export type GivenSettings = ReadonlyMap<string, GivenSetting>;

/** True for an empty text of a setting for which that means "none". */
const isNone = (setting: Setting, texts: readonly string[]) =>
  setting.kind === "text" && setting.isEmptyNone === true && texts.length === 1 && texts[0] === "";

/** The values of what was given, by the setting's name. Errors: USAGE naming the origin. */
export function valuesOf(settings: Settings, given: GivenSettings): Map<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  for (const [name, { origin, texts }] of given) {
    const setting = settings[name] as Setting;
    if (!isNone(setting, texts)) values.set(name, parseValue(setting, origin, texts));
  }
  return values;
}

/** The flags of a command: what was given, and the defaults of the rest. Errors: USAGE naming the origin. */
export function flagsOf<T extends Settings>(settings: T, given: GivenSettings): FlagsOf<T> {
  const values = valuesOf(settings, given);
  const flags = Object.entries(settings).map(([name, setting]) => {
    const value = values.get(name) ?? ("default" in setting ? setting.default : undefined);
    return [camelCase(name), value] as const;
  });
  return Object.fromEntries(flags) as FlagsOf<T>;
}
