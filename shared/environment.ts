/**
 * Secrets from the environment: `NAME`, or `NAME_FILE` naming a file that holds the value (how Docker and
 * Kubernetes hand them out). Options of the command line are read by cli/resolve instead.
 */
import { readFileSync } from "node:fs";
import { TrainyardError } from "./errors.js";
import { cleanText } from "./settings/value.js";

/**
 * The variable's value, or undefined where neither is set; an empty one counts as not set. White space around a value is
 * not part of it. Errors: USAGE when both are set, the file can't be read, or a control character is inside.
 */
export function readVariable(
  variable: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const fileVariable = `${variable}_FILE`;
  const value = cleanText(variable, environment[variable] ?? "") || undefined;
  const file = cleanText(fileVariable, environment[fileVariable] ?? "") || undefined;
  if (file === undefined) return value;
  if (value !== undefined) {
    throw new TrainyardError("USAGE", `${variable} and ${fileVariable} are both set; keep one of them`);
  }
  return readSecretFile(fileVariable, file);
}

/**
 * What a file holds, without the white space around it. `origin`: the variable or option that names the file. Errors: USAGE
 * when it can't be read or holds a control character.
 */
export function readSecretFile(origin: string, file: string): string {
  return cleanText(`the file that ${origin} names (${file})`, readFile(origin, file));
}

function readFile(origin: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TrainyardError("USAGE", `the file that ${origin} names can't be read: ${file} (${reason})`, {
      cause: error,
    });
  }
}
