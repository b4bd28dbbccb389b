/** library/train-options.ts, made from the table of settings: the options of `train`, each with its help. */
import { trainSettings } from "../../library/train-settings.js";
import { camelCase, type Setting, type Settings } from "../../shared/settings/setting.js";
import { kindInWords, laterDefaultInWords, plainDefaultInWords } from "../../shared/settings/words.js";

/** The whole file. */
export function trainOptionsFile(): string {
  const fields = Object.entries(trainSettings as Settings)
    .filter(([, setting]) => setting.isInternal !== true)
    .map(
      ([name, setting]) =>
        `${comment(setting)}\n  readonly ${camelCase(name)}?: ${typeOf(setting)} | undefined;`,
    );
  return [
    "/** Made from the table in shared/settings/ by `npm run build:pages`; a test compares. */",
    "",
    "/** The settings of `train`, with the names of the command line's options in camel case. */",
    "export interface TrainSettings {",
    ...fields,
    "}",
    "",
  ].join("\n");
}

function comment(setting: Setting): string {
  const unit = "unit" in setting && setting.unit !== undefined ? ` (${setting.unit})` : "";
  const plain = plainDefaultInWords(setting) ?? laterDefaultInWords(setting);
  const kind = setting.kind === "bytes" ? "bytes" : kindInWords(setting);
  const facts = [`${kind}${unit}`, ...(plain === null ? [] : [`default: ${plain}`])].join("; ");
  return `  /** ${setting.help}. ${facts.charAt(0).toUpperCase()}${facts.slice(1)}. */`;
}

function typeOf(setting: Setting): string {
  switch (setting.kind) {
    case "boolean":
      return "boolean";
    case "number":
    case "bytes":
      return "number";
    case "numbers":
      return "readonly number[]";
    case "choice":
      return setting.choices.map((choice) => JSON.stringify(choice)).join(" | ");
    case "list":
      return "readonly string[]";
    case "sides":
      return "number | string";
    case "text":
      return "string";
  }
}
