/**
 * The TRAINYARD_ variables that the program reads: one for each option of each command, and those that are no options.
 * Manifests are checked against them: a variable that nobody reads is a setting that does nothing.
 */
import yargs, { type Argv } from "yargs";
import type { LoadedCommand } from "../../cli/commands.js";
import { commands } from "../../cli/commands.js";
import { globalOptions } from "../../cli/options.js";

/** Read by `readVariable`, so also as `…_FILE`. */
const secrets = ["S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SESSION_TOKEN", "S3_REGION"];
/** No option, because everybody on a machine sees command lines. */
const others = ["TOKEN", ...secrets, ...secrets.map((name) => `${name}_FILE`)];

/** As they are written: `TRAINYARD_TENSOR_PORT`. */
export async function knownVariables(): Promise<Set<string>> {
  const loaded = await Promise.all(commands.map(({ load }) => load()));
  const options = [...Object.keys(globalOptions), ...loaded.flatMap(({ command }) => optionsOf(command))];
  return new Set([...options.map(variableOf), ...others].map((name) => `TRAINYARD_${name}`));
}

const variableOf = (option: string) =>
  option
    .replace(/[A-Z]/g, (letter) => `-${letter}`)
    .replaceAll("-", "_")
    .toUpperCase();

/** As much of yargs' state as its type declarations leave out. */
interface YargsState {
  getOptions(): { readonly key: Readonly<Record<string, unknown>> };
  getInternalMethods(): {
    getCommandInstance(): { getCommandHandlers(): Readonly<Record<string, LoadedCommand>> };
  };
}

/** Of the command and of those below it, as `learning-rate`. */
export function optionsOf({ builder }: LoadedCommand): string[] {
  const parser = yargs([]);
  if (typeof builder === "function") builder(parser);
  else parser.options((builder ?? {}) as Parameters<Argv["options"]>[0]);
  const state = parser as unknown as YargsState;
  const below = state.getInternalMethods().getCommandInstance().getCommandHandlers();
  return [...Object.keys(state.getOptions().key), ...Object.values(below).flatMap(optionsOf)];
}
