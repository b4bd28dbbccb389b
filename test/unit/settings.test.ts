/** Every setting of the program, by its kind: what it takes, what it refuses and how, from options and from variables. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCommandLine } from "../../cli/command-line.js";
import { commands } from "../../cli/commands.js";
import { buildSpec } from "../../runs/run-spec.js";
import { commandSettings } from "../../shared/settings/command-settings.js";
import { foreignPairs, nearestSetting, plainName } from "../../shared/settings/foreign-names.js";
import { flagsOf } from "../../shared/settings/given.js";
import { globalSettings } from "../../shared/settings/process-settings.js";
import { runSettings } from "../../shared/settings/run-settings.js";
import { camelCase, type Setting, type Settings, variableName } from "../../shared/settings/setting.js";
import { rangeInWords } from "../../shared/settings/value.js";
import { givenByEnvironment, hasVariable, unknownVariables } from "../../shared/settings/variables.js";
import { stepIdentity } from "../../shared/spec-changes.js";
import { faces } from "../support/faces-manifest.js";
import { runFlagsOf } from "../support/parsed-flags.js";

const all = Object.entries({ "": globalSettings, ...commandSettings } as Record<string, Settings>).flatMap(
  ([path, settings]) =>
    Object.entries(settings).map(([name, setting]) => ({ path, name, setting, title: `${path} --${name}` })),
);
const ofKind = <K extends Setting["kind"]>(kind: K) =>
  all.flatMap((one) =>
    one.setting.kind === kind ? [{ ...one, setting: one.setting as Extract<Setting, { kind: K }> }] : [],
  );

type Value = unknown;
const parsed = (flags: object, name: string): Value =>
  (flags as Readonly<Record<string, unknown>>)[camelCase(name)];
/** The value of a setting from a command line that gives only it. */
const byOption = (name: string, setting: Setting, ...words: string[]) =>
  parsed(flagsOf({ [name]: setting }, readCommandLine(words, { [name]: setting }).given), name);
/** … and from the environment. */
const byVariable = (name: string, setting: Setting, text: string) =>
  parsed(
    flagsOf({ [name]: setting }, givenByEnvironment({ [name]: setting }, { [variableName(name)]: text })),
    name,
  );

const spellings = [
  [true, ["1", "true", "TRUE", "True", "yes", "YES", "on", "On"]],
  [false, ["0", "false", "FALSE", "no", "No", "off", "OFF"]],
] as const;

describe.each(ofKind("boolean"))("the switch $title", ({ name, setting }) => {
  it("takes every spelling in any case, as an option and as a variable", () => {
    for (const [value, texts] of spellings) {
      for (const text of texts) {
        expect(byOption(name, setting, `--${name}=${text}`)).toBe(value);
        if (hasVariable(setting)) expect(byVariable(name, setting, ` ${text}\n`)).toBe(value);
      }
    }
    expect(byOption(name, setting, `--${name}`)).toBe(true);
    expect(byOption(name, setting, `--no-${name}`)).toBe(false);
  });

  it("refuses everything else by the name of its origin", () => {
    for (const text of ["2", "maybe", "y", "enabled", "truee", "-1"]) {
      const words = "must be 1 or 0, true or false, yes or no, on or off";
      expect(() => byOption(name, setting, `--${name}=${text}`)).toThrow(`--${name} ${words}`);
      if (hasVariable(setting))
        expect(() => byVariable(name, setting, text)).toThrow(`${variableName(name)} ${words}`);
    }
    expect(() => byOption(name, setting, `--no-${name}=1`)).toThrow(`--no-${name} takes no value`);
  });
});

describe.each(ofKind("number"))("the number $title", ({ name, setting }) => {
  const { min, max, above, below } = setting;
  const range = rangeInWords(setting);
  const option = (text: string) => byOption(name, setting, `--${name}`, text);

  it("takes its bounds, or the first values beyond an open one", () => {
    for (const bound of [min, max]) if (bound !== undefined) expect(option(String(bound))).toBe(bound);
    if (above !== undefined) expect(option(String(above + 1e-9))).toBe(above + 1e-9);
    if (below !== undefined) expect(option(String(below - 1e-9))).toBe(below - 1e-9);
  });

  it("refuses what lies outside, and names the range", () => {
    const outside = [
      ...(min === undefined ? [] : [min - 1]),
      ...(max === undefined ? [] : [max + 1]),
      ...(above === undefined ? [] : [above, above - 1]),
      ...(below === undefined ? [] : [below, below + 1]),
    ];
    for (const value of outside) {
      expect(() => option(String(value))).toThrow(`--${name} must be ${range}, not ${value}`);
      expect(() => byVariable(name, setting, String(value))).toThrow(
        `${variableName(name)} must be ${range}, not ${value}`,
      );
    }
  });

  it("refuses words, and names the range too", () => {
    expect(range).not.toBe("");
    for (const text of ["ten", "0x10", "Infinity", "NaN", "1,5", "1 2"]) {
      const kind = setting.isWhole === true ? "a whole number" : "a number";
      const sentence = `must be ${kind}, ${range}, not ${JSON.stringify(text)}`;
      expect(() => byOption(name, setting, `--${name}=${text}`)).toThrow(`--${name} ${sentence}`);
      expect(() => byVariable(name, setting, text)).toThrow(`${variableName(name)} ${sentence}`);
    }
    expect(() => byOption(name, setting, `--${name}`)).toThrow(`--${name} needs a value`);
    expect(() => byOption(name, setting, `--${name}=`)).toThrow(range);
  });

  if (setting.isWhole)
    it("refuses fractions", () => {
      expect(() => option(String((min ?? 0) + 0.5))).toThrow(`--${name} must be a whole number, ${range}`);
    });

  it("has a default within its bounds", () => {
    const defaults = [
      setting.default,
      setting.defaultWhenUsed,
      ...Object.values(setting.defaultByModel ?? {}),
    ];
    for (const value of defaults) if (value !== undefined) expect(option(String(value))).toBe(value);
  });
});

describe.each(ofKind("choice"))("the choice $title", ({ name, setting }) => {
  it("takes each of its words and names them all when it refuses another", () => {
    for (const word of setting.choices) {
      expect(byOption(name, setting, `--${name}`, word)).toBe(word);
      expect(byVariable(name, setting, ` ${word} `)).toBe(word);
    }
    expect(() => byOption(name, setting, `--${name}`, "nonesuch")).toThrow(
      `--${name} must be one of ${setting.choices.join(", ")}, not "nonesuch"`,
    );
  });
});

describe.each([...ofKind("list"), ...ofKind("numbers")])("the list $title", ({ name, setting }) => {
  const hasCommas = setting.kind === "numbers" || setting.hasCommas;

  it("refuses an empty item", () => {
    for (const text of ["", ...(hasCommas ? ["1,,2", ",", "1,", ",1", "1, ,2"] : [])]) {
      expect(() => byOption(name, setting, `--${name}`, text)).toThrow(
        `--${name} must not have an empty item`,
      );
    }
    if (!hasCommas || !hasVariable(setting)) return;
    expect(() => byVariable(name, setting, "1,,2")).toThrow(
      `${variableName(name)} must not have an empty item`,
    );
  });

  it("takes words apart or with commas, and ends at the next option", () => {
    expect(byOption(name, setting, `--${name}`, "1", "2")).toHaveLength(2);
    if (!hasCommas) return;
    const apart = byOption(name, setting, `--${name}`, "1", "2");
    for (const text of ["1,2", "1, 2", " 1 ,2 "]) {
      expect(byOption(name, setting, `--${name}`, text)).toEqual(apart);
      expect(byVariable(name, setting, text)).toEqual(apart);
    }
  });

  if (setting.kind === "list" && hasCommas)
    it("has items with commas where it is repeated, each once", () => {
      expect(byOption(name, setting, `--${name}`, "a, b", `--${name}`, "c")).toEqual(["a, b", "c"]);
      for (const words of [["a,b,a"], ["a", "a"]]) {
        expect(() => byOption(name, setting, `--${name}`, ...words)).toThrow(
          `--${name} names "a" more than once`,
        );
      }
    });
});

describe.each(all.filter(({ setting }) => hasVariable(setting)))("$title", ({ name, setting }) => {
  it("is refused by the variable's name when a control character is inside, and empty is not set", () => {
    for (const inside of ["a\nb", "1\t2", "x\u0000y", "x\u001b[31my"]) {
      expect(() => byVariable(name, setting, inside)).toThrow(
        `${variableName(name)} must not hold a line break, a tab or another control character`,
      );
    }
    for (const empty of ["", " ", "\n"]) {
      expect(byVariable(name, setting, empty)).toBe("default" in setting ? setting.default : undefined);
    }
  });

  it("has help that is short, and ends without a full stop", () => {
    expect(setting.help).toMatch(/^\S.{3,240}[^.\s]$/);
  });
});

describe.each(ofKind("text").filter(({ setting }) => setting.isPath !== true))(
  "the text $title",
  ({ name, setting }) => {
    it("is refused when a control character is inside, or when it is empty", () => {
      expect(() => byOption(name, setting, `--${name}=a\nb`)).toThrow(new RegExp(`^--${name} must `));
      if (setting.isEmptyNone === true) expect(byOption(name, setting, `--${name}=`)).toBeUndefined();
      else expect(() => byOption(name, setting, `--${name}=`)).toThrow(`--${name} needs a value`);
    });
  },
);

it("a setting given twice is refused by its name", () => {
  for (const { name, setting } of [...ofKind("number"), ...ofKind("choice"), ...ofKind("text")]) {
    expect(() => byOption(name, setting, `--${name}=1`, `--${name}=2`)).toThrow(
      `--${name} is given more than once`,
    );
  }
});

it("names are written with dashes, in camel case or with underscores", () => {
  for (const name of Object.keys(runSettings)) {
    for (const written of [name, camelCase(name), name.replaceAll("-", "_"), name.replaceAll("-", "")]) {
      const { given } = readCommandLine([`--${written}=1`], runSettings);
      expect([...given.keys()]).toEqual([name]);
    }
  }
});

it("no two settings of a command are the same name when dashes and case are left out", () => {
  for (const settings of Object.values(commandSettings)) {
    const names = Object.keys({ ...globalSettings, ...settings }).map(plainName);
    expect(new Set(names).size).toBe(names.length);
  }
});

it("one command line is read the same way whatever values stand in it", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.string({ minLength: 1 }), (words, text) => {
      const { given, positional } = readCommandLine([`--store=${text}`, "--", ...words], globalSettings);
      expect(given.get("store")?.texts).toEqual([text]);
      expect(positional).toEqual(words);
    }),
  );
});

it("a negative number is a value and not an option", () => {
  const line = readCommandLine(["--brightness-range", "-0.2,0.2", "--min-delta", "-.5", "x"], runSettings);
  expect(line.given.get("brightness-range")?.texts).toEqual(["-0.2", "0.2"]);
  expect(line.given.get("min-delta")?.texts).toEqual(["-.5"]);
  expect(line.positional).toEqual(["x"]);
});

describe("names of other tools", () => {
  it.each([
    ["lr", "learning-rate"],
    ["bs", "batch-size"],
    ["batch", "batch-size"],
    ["imgsz", "image-size"],
    ["early-stopping", "patience"],
    ["weight-decay", "l2"],
    ["num-workers", "workers"],
    ["gpus", "device"],
    ["optim", "optimizer"],
    ["mom", "momentum"],
    ["fliplr", "horizontal-flip"],
    ["n_epochs", "epochs"],
    ["manual_seed", "seed"],
  ])("--%s leads to --%s", (theirs, ours) => {
    const names = Object.keys(commandSettings.train);
    expect(nearestSetting(theirs, names)).toBe(ours);
    expect(() => readCommandLine([`--${theirs}=1`], commandSettings.train)).toThrow(
      `unknown option --${theirs}; did you mean --${ours}?`,
    );
  });

  it("lead to settings that there are, one each, and are none of ours", () => {
    const ours = new Set(all.map(({ name }) => name));
    const pairs = foreignPairs();
    for (const [, name] of pairs) expect(ours).toContain(name);
    expect(new Set(pairs.map(([theirs]) => plainName(theirs))).size).toBe(pairs.length);
    const run = new Set(Object.keys(runSettings).map(plainName));
    for (const [theirs] of pairs) expect(run).not.toContain(plainName(theirs));
  });
});

it("a variable that nothing reads is named with the nearest that is read", () => {
  const environment = { TRAINYARD_LR: "1", TRAINYARD_BATCHSIZE: "2", TRAINYARD_EPOCHS: "3", PATH: "x" };
  expect(unknownVariables(environment)).toEqual([
    { name: "TRAINYARD_BATCHSIZE", nearest: "TRAINYARD_BATCH_SIZE" },
    { name: "TRAINYARD_LR", nearest: "TRAINYARD_LEARNING_RATE" },
  ]);
  expect(unknownVariables({ TRAINYARD_TOKEN: "1", TRAINYARD_S3_REGION_FILE: "2" })).toEqual([]);
});

it("oneDNN is chosen by our variable, else by TensorFlow's", () => {
  const chosen = (environment: Record<string, string>) =>
    flagsOf(runSettings, givenByEnvironment(runSettings, environment)).oneDnn;
  expect(chosen({})).toBe(true);
  expect(chosen({ TF_ENABLE_ONEDNN_OPTS: "0" })).toBe(false);
  expect(chosen({ TF_ENABLE_ONEDNN_OPTS: "0", TRAINYARD_ONE_DNN: "1" })).toBe(true);
});

it("every command has its settings from the table", async () => {
  const known = new Set<Settings>(Object.values(commandSettings));
  for (const { load } of commands) {
    const { command } = await load();
    for (const one of command.subcommands ?? [command]) expect(known).toContain(one.settings);
  }
});

describe("what decides bits, and what a resume may change", () => {
  /** Another value than the default, as it is written. */
  const other: Readonly<Record<string, readonly string[]>> = {
    model: ["digits"],
    "image-size": ["32"],
    channels: ["1"],
    resize: ["area"],
    colour: ["as-stored"],
    classes: ["male,female"],
    schedule: ["cosine"],
    "class-weight": ["male=2"],
    wire: ["bfloat16"],
    "fill-mode": ["reflect"],
    "brightness-range": ["0.9,1.1"],
    compute: ["bfloat16"],
    lanes: ["1"],
    cval: ["7", "--fill-mode", "constant"],
    "local-lr": ["0.1", "--local-steps", "2"],
    "plateau-patience": ["7", "--reduce-on-plateau", "0.5"],
    "min-learning-rate": ["0.0001", "--reduce-on-plateau", "0.5"],
    "horizontal-flip": ["false"],
    "one-dnn": ["false"],
    optimizer: ["sgd"],
    momentum: ["0.5", "--optimizer", "sgd"],
    nesterov: ["true", "--optimizer", "sgd", "--momentum", "0.5"],
    accumulate: ["2"],
    "allow-mixed": ["true"],
    "vertical-flip": ["true"],
    "export-weights": ["best"],
  };
  const written = (name: string, setting: Setting): string[] => {
    const [value, ...rest] = other[name] ?? [setting.kind === "number" && setting.max === 1 ? "0.5" : ""];
    if (value !== "" && value !== undefined) return [`--${name}=${value}`, ...rest];
    const number = setting.kind === "number" && setting.isWhole === true ? "64" : "0.25";
    return [`--${name}=${number}`];
  };
  const identity = (words: readonly string[]) => stepIdentity(buildSpec(runFlagsOf(words), faces, "faces-1"));
  const deciding = Object.entries(runSettings as Settings).filter(
    ([, { decidesBits }]) => decidesBits === true,
  );
  const changeable = Object.entries(runSettings as Settings).filter(([, { isChangeable }]) => isChangeable);

  it.each(deciding)("--%s is part of what decides a step's bits", (name, setting) => {
    const words = written(name, setting);
    expect(identity(words)).not.toBe(identity(words.slice(1)));
  });

  it.each(changeable)("--%s changes nothing of a step", (name, setting) => {
    const patience = name === "min-delta" ? ["--patience", "2"] : [];
    expect(identity([...written(name, setting), ...patience])).toBe(identity([]));
  });
});
