/** Every setting of a run: what a run spec is built from. */
import { augmentationSettings } from "./augmentation-settings.js";
import { endingSettings } from "./ending-settings.js";
import { modelSettings } from "./model-settings.js";
import { optimizerSettings } from "./optimizer-settings.js";
import { orderSettings } from "./order-settings.js";
import type { FlagsOf, Settings } from "./setting.js";

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
