/**
 * What a setting is: the kinds of values that a user can give, with their bounds, units and defaults. The tables of this
 * room declare every setting of the program once, as values of these types; flags, environment variables, help, the run
 * spec's schema and docs/settings.md are made from them.
 */
import type { ModelName } from "./models.js";

interface Described {
  /** One sentence for `--help` and docs/settings.md, without the default and the range. */
  readonly help: string;
  /** Heading in a command's help. */
  readonly group?: string;
  /** True when another value gives other weights; a string says under which condition it does. */
  readonly decidesBits?: boolean | string;
  /** True when `train --resume` and `coordinator --run` may change the value of a run that has begun. */
  readonly isChangeable?: boolean;
  /** The command refuses to start without a value. */
  readonly isRequired?: boolean;
  /** The value is a word of the command line without a name, like `faces` in `trainyard train faces`. */
  readonly isPositional?: boolean;
  /** Not shown in help or documents and not read from the environment: the program gives it to its own processes. */
  readonly isInternal?: boolean;
  /** One letter that also names the option. */
  readonly letter?: string;
  /** A variable of another program that counts where Trainyard's own is not set. */
  readonly otherVariable?: string;
}

/** At most one of the four; a setting without any of them may stay undefined. */
interface Defaults<T> {
  /** The value of a setting that is not given. */
  readonly default?: T;
  /** Like `default`, for each model its own; the flag stays undefined until the run spec is built. */
  readonly defaultByModel?: Readonly<Record<ModelName, T>>;
  /** The value where the setting applies; the flag stays undefined, so that it can be refused where it does nothing. */
  readonly defaultWhenUsed?: T;
  /** A default that the program finds out, as help shows it: `by the batch size`. Stands after the value of others. */
  readonly defaultInWords?: string;
}

/** The range of a number. Bounds are inclusive, except `above` and `below`. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  readonly isWhole?: boolean;
}

export interface NumberSetting extends Described, Defaults<number>, Bounds {
  readonly kind: "number";
  readonly unit?: string;
}

/** A fixed number of numbers, each within the bounds, as `0.8,1.2`. */
export interface NumbersSetting extends Described, Bounds {
  readonly kind: "numbers";
  readonly count: number;
  /** What the numbers are, for a refusal: `the lowest and the highest factor, as 0.8,1.2`. */
  readonly meaning: string;
  readonly unit?: string;
  readonly defaultInWords?: string;
}

export interface BooleanSetting extends Described, Defaults<boolean> {
  readonly kind: "boolean";
}

export interface ChoiceSetting extends Described, Defaults<string> {
  readonly kind: "choice";
  readonly choices: readonly string[];
}

export interface TextSetting extends Described, Defaults<string> {
  readonly kind: "text";
  /** What the value must look like, for a refusal: `host:port`. Goes with `read`. */
  readonly form?: string;
  /** Returns the value that a text stands for, or null when the text has not the right form. */
  readonly read?: (text: string) => string | null;
  /** An empty text counts as not given, instead of being refused. */
  readonly isEmptyNone?: boolean;
  /** The text may hold line breaks and other control characters: it is the name of a file. */
  readonly isPath?: boolean;
}

/** The height and width of an image: `64`, or `48x32`. */
export interface SidesSetting extends Described, Defaults<string> {
  readonly kind: "sides";
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

/** A size in bytes, with or without a unit: `512MiB`. */
export interface BytesSetting extends Described, Defaults<number> {
  readonly kind: "bytes";
}

/** Texts in order, each once. Ends at the next option or at `--`. */
export interface ListSetting extends Described {
  readonly kind: "list";
  /** One item by itself may hold several, separated by commas; not so where the option is repeated. */
  readonly hasCommas: boolean;
  /** The same item may be given twice. */
  readonly mayRepeat?: boolean;
  readonly defaultInWords?: string;
}

export type Setting =
  | NumberSetting
  | NumbersSetting
  | BooleanSetting
  | ChoiceSetting
  | TextSetting
  | SidesSetting
  | BytesSetting
  | ListSetting;

/** Settings by their names, as an option is written: `learning-rate`. */
export type Settings = Readonly<Record<string, Setting>>;

export type SettingValue = string | number | boolean | string[] | number[];

/** `learningRate` for `learning-rate`. */
export type CamelCase<Name> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

type ValueOf<S extends Setting> = S extends { readonly kind: "number" | "bytes" }
  ? number
  : S extends { readonly kind: "boolean" }
    ? boolean
    : S extends { readonly kind: "choice"; readonly choices: readonly (infer Choice)[] }
      ? Choice
      : S extends { readonly kind: "list" }
        ? string[]
        : S extends { readonly kind: "numbers" }
          ? number[]
          : string;

type HasValue<S> = S extends { readonly default: unknown } | { readonly isRequired: true } ? true : false;

/** Parsed settings by camel-case name; undefined where a setting without a default is not given. */
export type FlagsOf<T extends Settings> = {
  -readonly [Name in keyof T as HasValue<T[Name]> extends true ? CamelCase<Name> : never]: ValueOf<T[Name]>;
} & {
  -readonly [Name in keyof T as HasValue<T[Name]> extends true ? never : CamelCase<Name>]?:
    | ValueOf<T[Name]>
    | undefined;
};

/** `learningRate` for `learning-rate`, as a program names the value. */
export const camelCase = (name: string) =>
  name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** `TRAINYARD_LEARNING_RATE` for `learning-rate`. */
export const variableName = (name: string) => `TRAINYARD_${name.replaceAll("-", "_").toUpperCase()}`;

/** The same settings under another heading. */
export function inGroup<const T extends Settings>(group: string, settings: T): T {
  const moved = Object.entries(settings).map(([name, setting]) => [name, { ...setting, group }]);
  return Object.fromEntries(moved) as T;
}

/** The settings of `all` that `keep` is true for. */
export const namesOf = (all: Settings, keep: (setting: Setting) => boolean): string[] =>
  Object.entries(all)
    .filter(([, setting]) => keep(setting))
    .map(([name]) => name);
