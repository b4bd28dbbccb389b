/** The file of token hashes: a JSON array, read by servers and rewritten by `trainyard tokens`. It holds no secret. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { TrainyardError } from "../errors.js";
import { TokenEntry } from "./tokens.js";

const TokenFile = z.array(TokenEntry);

/** Errors: USAGE when it can't be read or is no list of tokens. */
export function readTokenFile(file: string): TokenEntry[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TrainyardError(
      "USAGE",
      `the tokens file ${file} can't be read (${why}): make a token with trainyard tokens create --role worker --file ${file}`,
      { cause: error },
    );
  }
  return parsed(file, text);
}

/** Errors: as above, but a file that is not there is an empty list. */
export function readTokenFileOrNone(file: string): TokenEntry[] {
  try {
    return readTokenFile(file);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === "ENOENT") return [];
    throw error;
  }
}

/** Whole or not at all: readers never see half a list. Errors: USAGE when it can't be written. */
export function writeTokenFile(file: string, entries: readonly TokenEntry[]): void {
  const draft = `${file}.${process.pid}.new`;
  try {
    writeFileSync(draft, `${JSON.stringify(entries, null, 2)}\n`, { mode: 0o644 });
    renameSync(draft, file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new TrainyardError("USAGE", `the tokens file ${file} can't be written (${why})`, { cause: error });
  }
}

function parsed(file: string, text: string): TokenEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TrainyardError("USAGE", `the tokens file ${file} is no JSON`, { cause: error });
  }
  const entries = TokenFile.safeParse(value);
  if (entries.success) return entries.data;
  const [issue] = entries.error.issues;
  const where = issue === undefined ? "" : ` (${issue.path.join(".")}: ${issue.message})`;
  throw new TrainyardError("USAGE", `the tokens file ${file} is not what trainyard tokens writes${where}`);
}
