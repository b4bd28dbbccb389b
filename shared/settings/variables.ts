/**
 * The environment's part: which variables the program reads, their texts without surrounding white space, and those
 * that look like ours and are not. Secrets themselves are read by shared/environment.ts.
 */

import { commandSettings } from "./command-settings.js";
import { nearestSetting } from "./foreign-names.js";
import type { GivenSetting } from "./given.js";
import { globalSettings } from "./process-settings.js";
import { type Setting, type Settings, variableName } from "./setting.js";
import { cleanText, hasCommas, splitItems } from "./value.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that are no option, because everybody on a machine sees command lines. */
export interface SecretVariable {
  readonly name: string;
  /** The same name with `_FILE` names a file that holds the value. */
  readonly hasFile: boolean;
  readonly help: string;
}

export const secretVariables: readonly SecretVariable[] = [
  { name: "TRAINYARD_TOKEN", hasFile: false, help: "Token that a client shows (--token-file names a file)" },
  { name: "TRAINYARD_S3_ACCESS_KEY", hasFile: true, help: "Access key of an S3 store" },
  { name: "TRAINYARD_S3_SECRET_KEY", hasFile: true, help: "Secret key of an S3 store" },
  { name: "TRAINYARD_S3_SESSION_TOKEN", hasFile: true, help: "Session token of temporary keys" },
  { name: "TRAINYARD_S3_REGION", hasFile: true, help: "Region of the bucket" },
  { name: "AWS_ACCESS_KEY_ID", hasFile: true, help: "Access key, where TRAINYARD_S3_ACCESS_KEY is not set" },
  { name: "AWS_SECRET_ACCESS_KEY", hasFile: true, help: "Secret key that belongs to AWS_ACCESS_KEY_ID" },
  { name: "AWS_SESSION_TOKEN", hasFile: true, help: "Session token that belongs to AWS_ACCESS_KEY_ID" },
  { name: "AWS_REGION", hasFile: true, help: "Region, where TRAINYARD_S3_REGION is not set" },
  { name: "AWS_DEFAULT_REGION", hasFile: true, help: "Region, where AWS_REGION is not set either" },
];

/** True for a setting that has a variable: a word that a command can't do without is not among them. */
export const hasVariable = ({ isInternal, isPositional, isRequired, kind }: Setting): boolean =>
  isInternal !== true && !(isPositional === true && (isRequired === true || kind === "list"));

/** Every variable with our prefix that some command reads. */
export function knownVariables(): Set<string> {
  const known = new Set<string>();
  for (const settings of [globalSettings, ...Object.values(commandSettings)] as Settings[]) {
    for (const [name, setting] of Object.entries(settings)) {
      if (hasVariable(setting)) known.add(variableName(name));
    }
  }
  for (const { name, hasFile } of secretVariables) {
    known.add(name);
    if (hasFile) known.add(`${name}_FILE`);
  }
  return known;
}

/** Variables that start with TRAINYARD_ and that nothing reads, each with the nearest one that is read, or null. */
export function unknownVariables(environment: Environment): { name: string; nearest: string | null }[] {
  const known = knownVariables();
  const prefix = "TRAINYARD_";
  const names = Object.keys(environment).filter((name) => name.startsWith(prefix) && !known.has(name));
  if (names.length === 0) return [];
  const option = (name: string) => name.slice(prefix.length).toLowerCase().replaceAll("_", "-");
  const options = [...known].filter((name) => name.startsWith(prefix)).map(option);
  return names.sort().map((name) => {
    const nearest = nearestSetting(option(name), options);
    return { name, nearest: nearest === null ? null : variableName(nearest) };
  });
}

/**
 * What the environment says about these settings, by their names; an empty variable counts as not set. Errors: USAGE
 * for a control character, naming the variable.
 */
export function givenByEnvironment(settings: Settings, environment: Environment): Map<string, GivenSetting> {
  const given = new Map<string, GivenSetting>();
  for (const [name, setting] of Object.entries(settings)) {
    if (!hasVariable(setting)) continue;
    const own = textsOf(variableName(name), setting, environment);
    const other = setting.otherVariable;
    const found = own ?? (other === undefined ? null : textsOf(other, setting, environment));
    if (found !== null) given.set(name, found);
  }
  return given;
}

function textsOf(origin: string, setting: Setting, environment: Environment): GivenSetting | null {
  const text = cleanText(origin, environment[origin] ?? "");
  if (text === "") return null;
  const isSplit = hasCommas(setting);
  return {
    origin,
    texts: isSplit ? splitItems(origin, [text], { hasCommas: true, isRepeated: false }) : [text],
  };
}
