/** Flags as the program parses a command line with these settings, without the environment. */
import { readCommandLine } from "../../cli/command-line.js";
import { flagsOf } from "../../shared/settings/given.js";
import type { RunFlags } from "../../shared/settings/run-settings.js";
import { runSettings } from "../../shared/settings/run-settings.js";

export const runFlagsOf = (words: readonly string[]): RunFlags =>
  flagsOf(runSettings, readCommandLine(words, runSettings).given);
