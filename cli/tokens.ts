/** `trainyard tokens`: tokens by which workers join and people look and steer. The file keeps their hashes only. */
import { rmSync, writeFileSync } from "node:fs";
import { TrainyardError } from "../shared/errors.js";
import { printable } from "../shared/printable.js";
import { readTokenFile, readTokenFileOrNone, writeTokenFile } from "../shared/security/token-file.js";
import { drawToken, isValid, type TokenEntry } from "../shared/security/tokens.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand, defineParent } from "./command.js";

type CreateFlags = FlagsOf<(typeof commandSettings)["tokens create"]>;
type RevokeFlags = FlagsOf<(typeof commandSettings)["tokens revoke"]>;

const write = (text: string) => void process.stdout.write(`${text}\n`);

const create = defineCommand({
  name: "create",
  describe: "Make a token and print it, once",
  settings: commandSettings["tokens create"],
  examples: [
    ["$0 tokens create --role worker", "For workers: TRAINYARD_TOKEN, or --token-file"],
    ["$0 tokens create --role viewer --name prometheus --out viewer.token", "For a scraper"],
  ],
  run: (flags) => runCreate(flags),
});

const list = defineCommand({
  name: "list",
  describe: "List the tokens of the file",
  settings: commandSettings["tokens list"],
  run: ({ file, json }) => {
    const entries = readTokenFile(file);
    if (json) write(JSON.stringify(entries.map(withoutHash)));
    else write(entries.length === 0 ? `no tokens in ${file}` : entries.map(lineOf).join("\n"));
  },
});

const revoke = defineCommand({
  name: "revoke",
  describe: "Revoke a token: servers that watch the file end its streams within seconds",
  settings: commandSettings["tokens revoke"],
  run: (flags) => runRevoke(flags),
});

export const command = defineParent({
  name: "tokens",
  describe: "Create, list and revoke tokens for workers, operators and viewers",
  subcommands: [create, list, revoke],
});

function runCreate({ file, json, role, name, days, out }: CreateFlags): void {
  const entries = readTokenFileOrNone(file);
  const expires = days === undefined ? undefined : new Date(Date.now() + days * 86_400_000);
  const { token, entry } = drawToken({ role, name, expires }, entries);
  if (out !== undefined) writeNew(out, token);
  try {
    writeTokenFile(file, [...entries, entry]);
  } catch (error) {
    if (out !== undefined) rmSync(out);
    throw error;
  }
  const kept = `its hash is in ${file}, and nothing else of it anywhere`;
  if (json) write(JSON.stringify({ ...withoutHash(entry), ...(out === undefined ? { token } : { out }) }));
  else if (out !== undefined) write(`token ${entry.id} (${role}) is in ${out}`);
  else write(token);
  process.stderr.write(`token ${entry.id} (${role}): ${kept}\n`);
}

/** A token that is there is never lost to a new one. */
function writeNew(out: string, token: string): void {
  try {
    writeFileSync(out, `${token}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? "it is there already" : (code ?? String(error));
    throw new TrainyardError("USAGE", `${out} can't be written: ${why}`, { cause: error });
  }
}

function runRevoke({ file, json, id }: RevokeFlags): void {
  const entries = readTokenFile(file);
  const wanted = /^ty1\.([0-9a-f]{8})\./.exec(id)?.[1] ?? id;
  const entry = entries.find((candidate) => candidate.id === wanted);
  if (entry === undefined) {
    const known = entries.map((candidate) => candidate.id).join(", ");
    throw new TrainyardError(
      "NOT_FOUND",
      `there is no token ${JSON.stringify(wanted)} in ${file}; there are: ${known}`,
    );
  }
  const revoked = entry.revoked ?? new Date().toISOString();
  writeTokenFile(
    file,
    entries.map((candidate) => (candidate === entry ? { ...entry, revoked } : candidate)),
  );
  write(
    json
      ? JSON.stringify(withoutHash({ ...entry, revoked }))
      : `token ${entry.id} (${entry.role}) is revoked`,
  );
}

function withoutHash({ sha256: _, ...rest }: TokenEntry) {
  return rest;
}

function lineOf(entry: TokenEntry): string {
  const { id, role, name = "", createdAt, expires, revoked } = entry;
  const until = expires === undefined ? "" : `until ${expires.slice(0, 10)}`;
  const state = revoked !== undefined ? `revoked ${revoked.slice(0, 10)}` : until;
  const stands = isValid(entry, new Date()) || revoked !== undefined ? state : "expired";
  return `${id}  ${role.padEnd(8)}  ${createdAt.slice(0, 10)}  ${stands.padEnd(18)}  ${printable(name)}`.trimEnd();
}
