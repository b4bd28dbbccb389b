/** What a command is: its name, its settings from the table, its help, and the function that carries it out. */
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf, Settings } from "../shared/settings/setting.js";

/** Settings that stand on the command line itself. Defaults and the environment's values are not among them. */
export type WrittenSettings = ReadonlySet<string>;

export interface Command<S extends Settings> {
  /** One word; a subcommand's follows that of its parent. */
  readonly name: string;
  readonly describe: string;
  /** Other words for the same command. */
  readonly aliases?: readonly string[];
  /** Without those that every command has. */
  readonly settings: S;
  /** Command lines, with `$0` for the program, and what they do. */
  readonly examples?: readonly (readonly [string, string])[];
  readonly epilogue?: string;
  readonly run: (flags: FlagsOf<S> & GlobalFlags, written: WrittenSettings) => void | Promise<void>;
}

/** A command as the frame sees it, whatever its settings are; or a parent of commands, which does nothing itself. */
export interface LoadedCommand extends Omit<Command<Settings>, "run"> {
  readonly run: (flags: never, written: WrittenSettings) => void | Promise<void>;
  readonly subcommands?: readonly LoadedCommand[];
}

export const defineCommand = <const S extends Settings>(command: Command<S>): LoadedCommand =>
  command as unknown as LoadedCommand;

/** A command that only has others below it: `runs`, with `runs list` and the rest. */
export const defineParent = (
  parent: Pick<LoadedCommand, "name" | "describe" | "subcommands"> &
    Partial<Pick<LoadedCommand, "examples" | "epilogue">>,
): LoadedCommand => ({ ...parent, settings: {}, run: () => undefined });
