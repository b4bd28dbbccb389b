/** Settings that a program gives as an object with camel-case names: checked by the rules of a command line. */
import { TrainyardError } from "../errors.js";
import { nearestSetting } from "./foreign-names.js";
import { flagsOf, type GivenSetting } from "./given.js";
import { camelCase, type FlagsOf, type Settings } from "./setting.js";

/** What a program may give: every setting by its camel-case name, none of them required. */
export type ProgramOptions<T extends Settings> = {
  readonly [Name in keyof FlagsOf<T>]?: FlagsOf<T>[Name] | undefined;
};

/** The flags for these options, with the defaults of a command line, and the names of the settings that were given. */
export interface ReadOptions<T extends Settings> {
  readonly flags: FlagsOf<T>;
  /** As a command line writes them: `batch-size`. */
  readonly written: ReadonlySet<string>;
}

/** Checks a program's options. Errors: USAGE, which names the option and what is allowed. */
export function readProgramOptions<T extends Settings>(settings: T, options: object): ReadOptions<T> {
  const names = new Map(Object.keys(settings).map((name) => [camelCase(name), name]));
  const given = new Map<string, GivenSetting>();
  for (const [origin, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const name = names.get(origin);
    if (name === undefined) throw unknownOption(origin, Object.keys(settings));
    given.set(name, { origin, texts: textsOf(origin, value) });
  }
  return { flags: flagsOf(settings, given), written: new Set(given.keys()) };
}

function unknownOption(written: string, known: readonly string[]): TrainyardError {
  const nearest = nearestSetting(written, known);
  const near = nearest === null ? "" : `; did you mean ${camelCase(nearest)}?`;
  return new TrainyardError("USAGE", `unknown option ${written}${near}`);
}

function textsOf(origin: string, value: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wrong = items.find((item) => !["string", "number", "boolean"].includes(typeof item));
  if (wrong !== undefined) throw new TrainyardError("USAGE", `${origin} can't be ${JSON.stringify(wrong)}`);
  return items.map(String);
}
