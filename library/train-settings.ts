/** The settings of `train` that a program can give. */
import { commandSettings } from "../shared/settings/command-settings.js";
import { globalSettings } from "../shared/settings/process-settings.js";
import type { Settings } from "../shared/settings/setting.js";

const { detach: _detach, json: _json, ...settings } = commandSettings.train;

/** All settings of `trainyard train` except those that say how its command line ends and prints. */
export const trainSettings = {
  ...settings,
  "log-level": globalSettings["log-level"],
} as const satisfies Settings;
