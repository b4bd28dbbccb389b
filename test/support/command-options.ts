/** The options of a command and of those below it, as `learning-rate`. */
import type { LoadedCommand } from "../../cli/command.js";

export const optionsOf = ({ settings, subcommands = [] }: LoadedCommand): string[] => [
  ...Object.keys(settings),
  ...subcommands.flatMap(optionsOf),
];
