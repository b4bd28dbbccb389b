/** What help and docs/settings.md say about a setting's default and range. */
import type { ModelName } from "./models.js";
import { modelNames } from "./models.js";
import type { Setting } from "./setting.js";
import { rangeInWords } from "./value.js";

const gibibyte = 1024 ** 3;

const valueInWords = (setting: Setting, value: unknown) =>
  setting.kind === "bytes" ? `${Number(value) / gibibyte}GiB` : String(value);

/** `32; digits 256`: the classic's value, then those of the models that differ. */
function byModelInWords(values: Readonly<Record<ModelName, unknown>>): string {
  const others = new Map<unknown, ModelName[]>();
  for (const model of modelNames) {
    const value = values[model];
    if (value !== values.classic) others.set(value, [...(others.get(value) ?? []), model]);
  }
  const parts = [...others].map(([value, models]) => `${models.join(", ")} ${String(value)}`);
  return [String(values.classic), ...parts].join("; ");
}

/** The default of a setting that has none as a plain value, or null: by model, where it is used, or in words. */
export function laterDefaultInWords(setting: Setting): string | null {
  const parts: string[] = [];
  if ("defaultByModel" in setting && setting.defaultByModel !== undefined) {
    parts.push(byModelInWords(setting.defaultByModel));
  }
  if ("defaultWhenUsed" in setting && setting.defaultWhenUsed !== undefined) {
    parts.push(valueInWords(setting, setting.defaultWhenUsed));
  }
  if ("defaultInWords" in setting && setting.defaultInWords !== undefined) parts.push(setting.defaultInWords);
  return parts.length === 0 ? null : parts.join("; ");
}

/** The value of a setting that is not given, or null when there is none. */
export function plainDefaultInWords(setting: Setting): string | null {
  if (!("default" in setting) || setting.default === undefined) return null;
  return valueInWords(setting, setting.default);
}

/** What a setting takes: `whole number, at least 1`; `true or false`; `one of last, best`. */
export function kindInWords(setting: Setting): string {
  switch (setting.kind) {
    case "number":
      return boundedInWords(setting.isWhole === true ? "whole number" : "number", rangeInWords(setting));
    case "numbers":
      return boundedInWords(`${setting.count} numbers`, `each ${rangeInWords(setting)}`);
    case "sides":
      return boundedInWords("whole number or HEIGHTxWIDTH", `each ${rangeInWords(setting)}`);
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${setting.choices.join(", ")}`;
    case "bytes":
      return "size: 512MiB, 4GiB, 0";
    case "list":
      return "list of texts";
    case "text":
      return setting.form ?? "text";
  }
}

const boundedInWords = (kind: string, range: string) => (range === "" ? kind : `${kind}, ${range}`);
