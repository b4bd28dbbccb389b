/** docs/settings.md, made from the table of settings: what can be set, how, within which bounds, and what it decides. */
import { commands } from "../../cli/commands.js";
import { commandSettings } from "../../shared/settings/command-settings.js";
import { globalSettings } from "../../shared/settings/process-settings.js";
import { runSettings } from "../../shared/settings/run-settings.js";
import { type Setting, type Settings, variableName } from "../../shared/settings/setting.js";
import { hasVariable, secretVariables } from "../../shared/settings/variables.js";
import { kindInWords, laterDefaultInWords, plainDefaultInWords } from "../../shared/settings/words.js";

const introduction = `# Settings

Made from the table in \`shared/settings/\` by \`npm run build:pages\`; a test compares.

A setting is an option (\`--batch-size 64\`) or a variable (\`TRAINYARD_BATCH_SIZE=64\`); the option counts where both are
given. White space around a variable's value is not part of it, and an empty variable counts as not set.

- **True or false**: \`--debug\`, \`--no-debug\`, \`--debug=yes\`. \`1/0\`, \`true/false\`, \`yes/no\` and \`on/off\` in any case;
  anything else is refused.
- **Lists** end at the next option or at \`--\`, and may be written with commas: \`--classes a b\`, \`--classes a,b\`. Where an
  item holds a comma, repeat the option: \`--classes 'a, b' --classes c\`.
- **Sizes**: bytes, or with KiB, MiB, GiB, KB, MB, GB.
- **Bits**: *yes* where another value gives other weights. **Resume**: *yes* where \`train --resume\` and
  \`coordinator --run\` may change it.`;

/** The whole page. */
export function settingsPage(): string {
  const sections = Object.entries(groupsOf(runSettings)).map(
    ([group, settings]) => `### ${group.replace(/:$/, "")}\n\n${runTable(settings)}`,
  );
  const byCommand = Object.entries(commandSettings).map(([path, settings]) => commandSection(path, settings));
  return [
    introduction,
    `## Every command\n\n${processTable(globalSettings)}`,
    "## A run\n\nTaken by `train`, `coordinator`, `submit`, `demo` and, but for `--run`, `plan`.",
    ...sections,
    ...byCommand,
    `## Secrets\n\nRead from the environment only. With \`_FILE\`, a variable of that name holds the path of a file with the value.\n\n${secretTable()}`,
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function groupsOf(settings: Settings): Record<string, Settings> {
  const groups: Record<string, Record<string, Setting>> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const group = setting.group ?? "Name";
    groups[group] = { ...groups[group], [name]: setting };
  }
  return groups;
}

function commandSection(path: string, settings: Settings): string {
  const isRun = "batch-size" in settings;
  const own = Object.entries(settings).filter(
    ([name, setting]) =>
      setting.isInternal !== true && !(isRun && (runSettings as Settings)[name] === setting),
  );
  const described = commands.find(({ name }) => name === path)?.describe;
  const head = `## trainyard ${path}${described === undefined ? "" : `\n\n${described}.`}`;
  const run = isRun ? "\n\nAnd the settings of a run." : "";
  return `${head}\n\n${processTable(Object.fromEntries(own))}${run}`;
}

const cell = (text: string) => text.replaceAll("|", "\\|");
const row = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
const table = (head: readonly string[], rows: readonly string[][]) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

const optionName = (name: string, setting: Setting) =>
  setting.isPositional === true ? name.toUpperCase() : `\`--${name}\``;
const variable = (name: string, setting: Setting) => {
  if (!hasVariable(setting)) return "";
  const other = setting.otherVariable === undefined ? "" : `, else \`${setting.otherVariable}\``;
  return `\`${variableName(name)}\`${other}`;
};
const value = (setting: Setting) => {
  const unit = "unit" in setting && setting.unit !== undefined ? ` (${setting.unit})` : "";
  return `${kindInWords(setting)}${unit}`;
};
const defaultOf = (setting: Setting) =>
  setting.isRequired === true
    ? "required"
    : (plainDefaultInWords(setting) ?? laterDefaultInWords(setting) ?? "none");
const truth = (it: boolean | string | undefined) => (typeof it === "string" ? it : it === true ? "yes" : "");

const runTable = (settings: Settings) =>
  table(
    ["option", "variable", "value", "default", "bits", "resume", "what it does"],
    Object.entries(settings).map(([name, setting]) => [
      optionName(name, setting),
      variable(name, setting),
      value(setting),
      defaultOf(setting),
      truth(setting.decidesBits),
      truth(setting.isChangeable),
      setting.help,
    ]),
  );

const processTable = (settings: Settings) =>
  table(
    ["option", "variable", "value", "default", "what it does"],
    Object.entries(settings).map(([name, setting]) => [
      optionName(name, setting),
      variable(name, setting),
      value(setting),
      defaultOf(setting),
      setting.help,
    ]),
  );

const secretTable = () =>
  table(
    ["variable", "file", "what it is"],
    secretVariables.map(({ name, hasFile, help }) => [
      `\`${name}\``,
      hasFile ? `\`${name}_FILE\`` : "",
      help,
    ]),
  );
