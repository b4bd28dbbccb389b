/**
 * Secrets from the environment: `NAME`, or `NAME_FILE` naming a file that holds the value (how Docker and
 * Kubernetes hand them out). Options of the command line are read by cli/frame instead.
 */
import { readFileSync } from "node:fs";
import { TrainyardError } from "./errors.js";

/**
 * The variable's value, or undefined where neither is set; an empty one counts as not set. One line break at the
 * end of a file is not part of a secret. Errors: USAGE when both are set or the file can't be read.
 */
export function readVariable(
  variable: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const value = environment[variable] || undefined;
  const file = environment[`${variable}_FILE`] || undefined;
  if (file === undefined) return value;
  if (value !== undefined) {
    throw new TrainyardError("USAGE", `${variable} and ${variable}_FILE are both set; keep one of them`);
  }
  return readSecretFile(`${variable}_FILE`, file);
}

function readSecretFile(variable: string, file: string): string {
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TrainyardError("USAGE", `the file that ${variable} names can't be read: ${file} (${reason})`, {
      cause: error,
    });
  }
}
