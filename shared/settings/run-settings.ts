/** Every setting of a run: what a run spec is built from. */
import { augmentationSettings } from "./augmentation-settings.js";
import { endingSettings } from "./ending-settings.js";
import { modelSettings } from "./model-settings.js";
import { optimizerSettings, sgdLearningRate } from "./optimizer-settings.js";
import { orderSettings } from "./order-settings.js";
import { type CamelCase, camelCase, type FlagsOf, type Settings } from "./setting.js";

export const runSettings = {
  run: {
    kind: "text",
    defaultInWords: "the data set, the time and four digits",
    help: "Name of the run",
  },
  ...modelSettings,
  ...optimizerSettings,
  ...augmentationSettings,
  ...orderSettings,
  ...endingSettings,
} as const satisfies Settings;

/** A run's settings as a user gave them; what depends on the model is still undefined. */
export type RunFlags = FlagsOf<typeof runSettings>;

type RunSettings = typeof runSettings;

/** The camel-case names of the settings whose default depends on the model. */
type ModelDependent = {
  [Name in keyof RunSettings]: RunSettings[Name] extends { readonly defaultByModel: unknown }
    ? CamelCase<Name>
    : never;
}[keyof RunSettings];

/** A run's settings with the defaults of its model filled in. */
export type CompleteRunFlags = RunFlags & {
  [Name in ModelDependent & keyof RunFlags]: NonNullable<RunFlags[Name]>;
};

/** Fills in the defaults that depend on the model, and the learning rate, which depends on the optimizer too. */
export function withModelDefaults(written: RunFlags): CompleteRunFlags {
  const usesSgdRate = written.optimizer === "sgd" && written.learningRate === undefined;
  const flags = usesSgdRate ? { ...written, learningRate: sgdLearningRate } : written;
  const given = flags as unknown as Readonly<Record<string, unknown>>;
  const filled = Object.entries(runSettings as Settings).flatMap(([name, setting]) => {
    const byModel = "defaultByModel" in setting ? setting.defaultByModel : undefined;
    const field = camelCase(name);
    return byModel === undefined || given[field] !== undefined
      ? []
      : [[field, byModel[flags.model]] as const];
  });
  return { ...flags, ...Object.fromEntries(filled) } as CompleteRunFlags;
}
